"""The reference says everything that the code knows: keys of the spec, variables, routes. Pages are listed, links lead somewhere."""

from __future__ import annotations

import ast
import re
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Union, cast, get_args, get_origin

import pytest
from pydantic import BaseModel
from starlette.routing import Route

from handlers.modelspec.code_digests import STAGES
from handlers.modelspec.model import ColumnCheck, ModelSpec, RowsCheck
from handlers.modelspec.parse import BESIDE
from tests.docs.pages import DOCS, PAGES, ROOT, TOP, prose

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
VARIABLE = re.compile(r"\b(?:RETRAIN|AWS)_[A-Z0-9]+(?:_[A-Z0-9]+)*\b")
EXIT_CODES = {0, 1, 2, 65, 70, 75, 78, 130, 143}


def reference(name: str) -> str:
    return (DOCS / "reference" / name).read_text(encoding="utf-8")


def models(annotation: Any) -> Iterator[tuple[str, type[BaseModel]]]:
    """(what stands between, model) of every mapping that a key may hold; mappings in a mapping or a list have a name or number between."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield "", annotation
    elif get_origin(annotation) is dict:
        for _, model in models(get_args(annotation)[1]):
            yield ".<>", model
    elif get_origin(annotation) is list:
        for _, model in models(get_args(annotation)[0]):
            yield ".<>", model
    elif get_origin(annotation) in (Union, types.UnionType):
        for one in get_args(annotation):
            yield from models(one)


def keys(model: type[BaseModel], before: str) -> Iterator[str]:
    for field, about in model.model_fields.items():
        key = f"{before}{about.alias or field}"
        yield key
        for between, below in models(about.annotation):
            if below is RowsCheck:
                yield from keys(below, f"{key}.rows.")
            else:
                yield from keys(below, f"{key}{between}.")


def spec_keys() -> set[str]:
    return {key for name in ModelSpec.model_fields if name not in BESIDE for key in keys(ModelSpec, "") if key.split(".")[0] == name}


def told_keys() -> set[str]:
    first = re.findall(r"^\| `([a-z_.<>]+)` \|", reference("model-spec.md"), re.MULTILINE)
    return {re.sub(r"<\w+>", "<>", key) for key in first}


def test_every_key_of_the_spec_is_told() -> None:
    told = told_keys()
    # a mapping that only holds keys needs no line of its own
    holders = {key.rpartition(".")[0] for key in told}
    assert spec_keys() - told - holders == set()


def test_no_key_is_told_that_the_schema_does_not_know() -> None:
    assert told_keys() - spec_keys() == set()
    assert ColumnCheck.model_fields.keys() <= {key.rpartition(".")[2] for key in told_keys() if key.startswith("checks.<>.")}


def test_the_page_of_estimators_and_metrics_is_what_the_code_says() -> None:
    from handlers.report.reference import page

    written = "python -m handlers.report.reference > docs/reference/estimators-and-metrics.md"
    assert reference("estimators-and-metrics.md") == page(), f"write it again: {written}"


def test_the_page_of_events_is_what_the_code_says() -> None:
    from handlers.events.reference import page

    assert reference("events.md") == page(), "write it again: python -m handlers.events.reference > docs/reference/events.md"


def test_the_code_of_each_stage_is_told() -> None:
    page = (DOCS / "explanation" / "digests.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.*) \| (.*) \|$", page, re.MULTILINE)
    told = {stage: (tuple(re.findall(r"`(.*?)`", modules)), tuple(re.findall(r"`(.*?)`", libraries))) for stage, modules, libraries in rows}
    assert told == {stage: (code.modules, code.libraries) for stage, code in STAGES.items()}


def code() -> Iterator[Path]:
    for folder in ("src", "handlers"):
        yield from (ROOT / folder).rglob("*.py")


def test_every_variable_that_the_code_reads_is_told() -> None:
    page = reference("environment.md")
    found = {name for path in code() for name in VARIABLE.findall(path.read_text(encoding="utf-8"))}
    assert found
    assert [name for name in sorted(found) if f"`{name}`" not in page] == []
    told = {name for name in re.findall(r"^\| `([A-Z_]+)`", page, re.MULTILINE) if VARIABLE.fullmatch(name)}
    assert told - found == set(), "told, and nobody reads it"


def test_every_exit_code_is_told() -> None:
    found = set()
    for path in code():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = [t.id for t in node.targets if isinstance(t, ast.Name)] if isinstance(node, ast.Assign) else []
            if named == ["exit_code"] and isinstance(cast(ast.Assign, node).value, ast.Constant):
                found.add(int(cast(Any, node).value.value))
    told = {int(text) for text in re.findall(r"^\| (\d+) \|", reference("environment.md"), re.MULTILINE)}
    assert found <= told
    assert told >= EXIT_CODES


def routes() -> set[tuple[str, str]]:
    from localargo.api import app

    built = app.build(cast(Any, None))
    found = set()
    for route in built.routes:
        assert isinstance(route, Route)
        found |= {(method, route.path) for method in route.methods or () if method != "HEAD"}
    return found


def test_the_routes_of_the_api_are_told_and_no_others() -> None:
    told = set(re.findall(r"^\| `([A-Z]+) (/\S+)` \|", reference("api.md"), re.MULTILINE))
    assert told == routes()


def test_the_page_of_commands_is_what_the_commands_say() -> None:
    from retrain.cli.reference import page

    assert reference("commands.md") == page(), "write it again: python -m retrain.cli.reference > docs/reference/commands.md"


def listed(page: Path) -> set[Path]:
    links = [link.split("#")[0] for link in LINK.findall(prose(page)) if "://" not in link]
    return {(page.parent / link).resolve() for link in links if link.endswith(".md")}


def test_the_index_lists_every_page_and_no_others() -> None:
    decisions = DOCS / "decisions" / "README.md"
    below = {page for page in PAGES if page.parent == decisions.parent and page != decisions}
    wanted = {page for page in PAGES if page != DOCS / "README.md"} - below
    assert {p for p in listed(DOCS / "README.md") if p.is_relative_to(DOCS)} == wanted
    assert listed(decisions) >= below


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", [*TOP, *PAGES], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        there = (page.parent / path) if path else page
        assert there.exists(), f"{link}: there is no such file"
        assert not anchor or anchor in anchors(there), f"{link}: there is no such title"


@pytest.mark.parametrize("package", ["src/retrain", "src/localargo", "handlers"])
def test_the_architecture_names_every_room(package: str) -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rooms = [path for path in (ROOT / package).iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    names = [f"{path.name}/" if path.is_dir() else path.name for path in rooms if path.stem != "__init__"]
    assert len(names) > 5
    assert [name for name in names if f"`{name}`" not in page and f"`{name.removesuffix('.py')}`" not in page] == []
