"""Reads a model spec: text to ModelSpec, or a list of findings that name key, value and what is accepted."""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from handlers.contracts import MODEL_NAME, BadSpec, long_argument
from handlers.modelspec import own_file, split_rules, yaml12
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.supported import unsupported

SpecPath = tuple[str | int, ...]
BESIDE = ("name", "sql", "code")  # of metadata, and of the files beside a spec
SPEC_KEYS = [name for name in ModelSpec.model_fields if name not in BESIDE]


@dataclass(frozen=True, slots=True)
class SpecFinding:
    """One thing that is wrong: where (line from 1, dotted path), what, and what would be right."""

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.path}: {self.message}" if self.path else f"{self.file}:{self.line}: {self.message}"


def parse(text: str, file: str = "spec", sql: str | None = None, code: str | None = None) -> ModelSpec:
    """The spec of a YAML 1.2 text (or the JSON of an earlier parse); `sql` is the text of the file that data.query names, `code` that of
    the one that model.estimator names.

    Raises BadSpec with every finding, a line each.
    """
    spec, findings = read(text, file, sql, code)
    if spec is None:
        raise BadSpec("\n".join(map(str, findings)))
    return spec


def load(text: str) -> ModelSpec:
    """The spec as an earlier step handed it on (`ModelSpec.tree` as JSON)."""
    try:
        return ModelSpec.model_validate_json(long_argument(text, "--spec"))
    except ValidationError as error:
        raise BadSpec(f"--spec: not a spec as `handlers.fetch spec` writes it: {error.errors()[0]['msg']}") from error


def read(text: str, file: str, sql: str | None = None, code: str | None = None) -> tuple[ModelSpec | None, list[SpecFinding]]:
    """The spec, or what is wrong with it."""
    try:
        tree = yaml12.load(text)
        lines = yaml12.lines(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        return None, [SpecFinding(file, mark.line + 1 if mark else 1, "", f"not YAML: {problem}")]

    def finding(path: SpecPath, message: str) -> SpecFinding:
        at = path
        while at and at not in lines:
            at = at[:-1]
        return SpecFinding(file, lines.get(at, 1), ".".join(map(str, path)), message)

    envelope = list(_envelope(tree))
    if envelope:
        return None, [finding(path, message) for path, message in envelope]
    given = {**tree["spec"], "name": tree["metadata"]["name"], "sql": sql, "code": None}
    query = (given.get("data") or {}).get("query") if isinstance(given.get("data"), dict) else None
    if isinstance(query, dict) and isinstance(query.get("sql"), str):
        given["sql"] = query["sql"]
    try:
        spec = ModelSpec.model_validate(given)
    except ValidationError as error:
        return None, [finding(("spec", *path), message) for path, message in _explained(error, given)]
    missing = (
        []
        if spec.sql or spec.data.query is None
        else [(("data", "query", "file"), f"there is no file {spec.data.query.file!r} beside the spec")]
    )
    wrong = [finding(("spec", *path), message) for path, message in [*missing, *unsupported(spec)]]
    own = own_file.named(spec.model.estimator)
    own, only = own_file.named(spec.model.estimator), f"models/{spec.name}.py"
    if own is not None and own[0] == only and code is not None:
        spec = spec.model_copy(update={"code": code})
        where = f"{file.removesuffix('.yaml')}.py" if file.endswith(".yaml") else only
        wrong += [SpecFinding(where, each.line, "", each.message) for each in own_file.wrong(code, own[1])]
    elif own is not None:
        why = f"there is no file {only} beside the spec" if own[0] == only else f"the file of this model must be {only}, not {own[0]}"
        wrong.append(finding(("spec", "model", "estimator"), why))
    return (None, wrong) if wrong else (spec, [])


def _envelope(tree: Any) -> Iterator[tuple[SpecPath, str]]:
    if not isinstance(tree, dict):
        yield (), "a spec must be a mapping with apiVersion, kind, metadata and spec"
        return
    for key, value in (("apiVersion", "retrain/v1"), ("kind", "Model")):
        if tree.get(key) != value:
            yield (key,), f"{tree.get(key)!r} is not accepted; accepted: {value}"
    for key in tree:
        if key not in ("apiVersion", "kind", "metadata", "spec"):
            yield (key,), _unknown(str(key), ["apiVersion", "kind", "metadata", "spec"])
    metadata = tree.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(name, str) or not MODEL_NAME.fullmatch(name):
        yield ("metadata", "name"), f"{name!r} is not a model name; accepted: at most 40 lower-case letters, digits and inner hyphens"
    elif isinstance(metadata, dict) and (more := sorted(set(metadata) - {"name", "labels", "annotations"})):
        yield ("metadata", more[0]), _unknown(more[0], ["name", "labels", "annotations"])
    if not isinstance(tree.get("spec"), dict):
        yield ("spec",), f"must be a mapping with the keys {', '.join(SPEC_KEYS)}"
    else:
        for key in BESIDE:
            if key in tree["spec"]:
                yield ("spec", key), _unknown(key, SPEC_KEYS)


def _explained(error: ValidationError, given: Any) -> Iterator[tuple[SpecPath, str]]:
    """Pydantic's errors in terms of the spec; of a union only the branch that was meant."""
    seen: set[SpecPath] = set()
    for found in error.errors(include_url=False):
        path = _path_of(found["loc"], given)
        if path in seen:
            continue
        seen.add(path)
        yield path, _words(found, path, given)


def _path_of(loc: Sequence[str | int], given: Any) -> SpecPath:
    """The path in the document: pydantic's also has the branches of unions, which are not keys of the document."""
    path: list[str | int] = []
    here = given
    for i, step in enumerate(loc):
        known = (isinstance(here, dict) and step in here) or (isinstance(here, list) and isinstance(step, int) and step < len(here))
        if known:
            here = here[step]
            path.append(step)
        elif (
            i == len(loc) - 1
            and isinstance(here, dict)
            and isinstance(step, str)
            and "[" not in step
            and step not in ("bool", "int", "float", "str")
        ):
            path.append(step)
    return tuple(path)


def _words(found: Any, path: SpecPath, given: Any) -> str:
    kind, value = found["type"], found.get("input")
    if kind == "extra_forbidden":
        return _unknown(str(path[-1]), list(_keys(ModelSpec, path[:-1], given)))
    if kind == "missing" and path == split_rules.SPLIT:
        return f"this key is required: it says which rows are train, valid and test; for example {split_rules.proposal(given['data'])}"
    if kind == "missing":
        return "this key is required"
    if kind == "union_tag_not_found":
        return f"`by` is required; accepted: time, hash, random; for example {split_rules.proposal(given['data'])}"
    if kind == "value_error":
        return str(found["ctx"]["error"])
    if kind == "union_tag_invalid":
        return f"{found['ctx']['tag']!r} is not accepted for `by`; accepted: {found['ctx']['expected_tags']}"
    shown = repr(value) if not isinstance(value, dict | list) else "a mapping" if isinstance(value, dict) else "a list"
    expected = str(found["msg"]).replace("Input should be", "accepted:")
    near = get_close_matches(str(value), _literals(found), n=1) if kind == "literal_error" else []
    return f"{shown} is not accepted; {expected}" + (f"; did you mean {near[0]!r}?" if near else "")


def _literals(found: Any) -> list[str]:
    return [text.strip("'") for text in str(found["ctx"]["expected"]).replace(" or ", ", ").split(", ")]


def _unknown(key: str, keys: list[str]) -> str:
    near = get_close_matches(key, keys, n=1)
    return f"unknown key {key!r}; " + (f"did you mean {near[0]!r}?" if near else f"accepted: {', '.join(dict.fromkeys(keys))}")


def _keys(model: Any, path: SpecPath, given: Any) -> Iterator[str]:
    """The keys accepted at a path, by walking the schema beside the document."""
    here: list[Any] = [model]
    for step in path:
        here = [inner for kind in here for inner in _step(kind, step)]
    for kind in here:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from (field.alias or name for name, field in kind.model_fields.items() if kind is not ModelSpec or name not in BESIDE)


def _step(kind: Any, step: str | int) -> Iterator[Any]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            if step in (name, field.alias):
                yield from _branches(field.annotation)
    elif get_origin(kind) is dict:
        yield from _branches(get_args(kind)[1])
    elif get_origin(kind) in (list, tuple):
        yield from _branches(get_args(kind)[0])


def _branches(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) in (Union, types.UnionType):
        for branch in get_args(annotation):
            yield from _branches(branch)
    elif hasattr(annotation, "__metadata__"):
        yield from _branches(get_args(annotation)[0])
    else:
        yield annotation
