"""Which code names which result: a changed file changes the digests of the stages that compute with it, and no other."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import grimp
import pytest

from handlers.contracts import BadSpec
from handlers.models.estimators import BY_LIBRARY
from handlers.modelspec import code_digests
from handlers.modelspec.code_digests import STAGES, code_digest, computed, files_of, of_stage

ROOT = Path(__file__).parents[3]
FILES = sorted(path.relative_to(ROOT / "handlers").as_posix() for path in (ROOT / "handlers").rglob("*.py"))

ALL = ("parts", "datasets", "trials", "early_stopped_trials", "evaluations", "exports", "verdicts")
# the first that a file's path begins with says which stages compute with it
COMPUTE_WITH = (
    ("modelspec/", ALL),
    ("data/", ALL),
    ("metrics/predictions.py", ALL[2:]),
    ("metrics/", ALL[3:]),
    ("models/", ALL[2:]),
    ("scoring/", ("exports",)),
    ("errors.py", ("exports",)),
    ("runs/importance.py", ("exports",)),
    ("runs/evaluation.py", ALL[4:]),
    ("runs/exports.py", ("exports",)),
    ("runs/gate.py", ALL[6:]),
    ("runs/comparable.py", ALL[6:]),
    ("runs/comparison.py", ALL[6:]),
    ("runs/differences.py", ALL[6:]),
    ("runs/", ()),
    ("report/", ()),
    ("explore/", ()),
    ("events/", ()),
)
AT_THE_TOP = {
    *("__init__", "contracts", "failures", "preempted", "remembered", "storage", "workers"),
    *("fetch", "transform", "grid", "train", "evaluate", "promote", "check", "why", "try_", "new", "profile"),
    *("heal", "notify", "snapshot", "backfill", "predict", "model", "score", "stop_trial", "answer"),
}


def stages_of(file: str) -> tuple[str, ...]:
    for beginning, stages in COMPUTE_WITH:
        if file.startswith(beginning):
            return stages
    assert file.removesuffix(".py") in AT_THE_TOP, f"say in COMPUTE_WITH which stages compute with {file}"
    return ()


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the handlers that a test may change."""
    copy = tmp_path_factory.mktemp("tree")
    shutil.copytree(ROOT / "handlers", copy / "handlers", ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def digests(tree: Path) -> dict[str, str]:
    return {stage: of_stage(tree, stage) for stage in STAGES}


version = cache(metadata.version)  # nothing is installed meanwhile


@pytest.fixture(scope="module")
def before(tree: Path) -> dict[str, str]:
    """Those of the tree as it is: each test puts back what it changes."""
    return digests(tree)


def changed(before: dict[str, str], after: dict[str, str]) -> tuple[str, ...]:
    return tuple(stage for stage in STAGES if before[stage] != after[stage])


def other_docstrings(source: str) -> str:
    """The same code without its comments and its layout, and with other docstrings."""
    parsed = ast.parse(source)
    for node in ast.walk(parsed):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node) is not None:
            node.body[0] = ast.Expr(ast.Constant("Something else."))
    return "# a comment\n\n\n" + ast.unparse(ast.fix_missing_locations(parsed))


@pytest.mark.parametrize("file", FILES)
def test_a_file_changes_the_stages_that_compute_with_it(
    tree: Path, before: dict[str, str], file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "version", version)
    path = tree / "handlers" / file
    text = path.read_text(encoding="utf-8")
    try:
        path.write_text(f"{text}\n\nTOUCHED = 1\n", encoding="utf-8")
        assert changed(before, digests(tree)) == stages_of(file)
        path.write_text(other_docstrings(text), encoding="utf-8")
        assert path.read_text(encoding="utf-8") != text
        assert digests(tree) == before
    finally:
        path.write_text(text, encoding="utf-8")


def test_a_new_file_of_a_room_counts(tree: Path) -> None:
    before = digests(tree)
    path = tree / "handlers/metrics/another.py"
    try:
        path.write_text("", encoding="utf-8")
        assert changed(before, digests(tree)) == ALL[3:]
    finally:
        path.unlink()


def test_one_changed_value_deep_inside_counts(tree: Path) -> None:
    path = tree / "handlers/data/statistics.py"
    text, before = path.read_text(encoding="utf-8"), digests(tree)
    assert "LIMIT = 20_000" in text
    try:
        path.write_text(text.replace("LIMIT = 20_000", "LIMIT = 20_001"), encoding="utf-8")
        assert changed(before, digests(tree)) == ALL
        path.write_text(text.replace("LIMIT = 20_000", "LIMIT = 20000"), encoding="utf-8")
        assert digests(tree) == before
    finally:
        path.write_text(text, encoding="utf-8")


# ------------------------------------------------------------------------------- the lists against the imports

STAGE_MODULES = {
    "transform": "datasets",
    "train": "early_stopped_trials",
    "evaluate": "evaluations",
    "promote": "verdicts",
    "runs.exports": "exports",
}
# what stages use beside the code that computes: it carries bytes, keeps the books, or tells people
PACE = ("admission", "pacing", "spending", "trainings")
BOOKS = (
    "batches",
    "claim",
    "champion",
    "followed",
    "live",
    "memory",
    "past",
    "records",
    "requests",
    "retried",
    "rounds",
    "snapshots",
    "stops",
    "taken_up",
    "trained",
    "trials",
    "waiting",
    *PACE,
)
# what `promote` keeps of the winner changes no verdict
EXPORTS = ("scoring", "runs.exports", "runs.importance")
AT_HAND = ("contracts", "errors", "failures", "preempted", "storage", "workers")
NOT_COMPUTING = (*AT_HAND, *(f"runs.{name}" for name in BOOKS), *EXPORTS, "report", "explore", "events")
NOT_COMPUTING_LIBRARIES = {"boto3", "botocore", "pydantic", "pyyaml", "safetensors", "vl-convert-python"}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("handlers", include_external_packages=True, cache_dir=None)


def imported(graph: grimp.ImportGraph, module: str) -> Iterator[str]:
    """What a handler imports, wherever the import stands and through however many modules."""
    yield from sorted(graph.find_upstream_modules(f"handlers.{module}"))


def within(module: str, entries: tuple[str, ...]) -> bool:
    return any(module == f"handlers.{entry}" or module.startswith(f"handlers.{entry}.") for entry in entries)


@pytest.mark.parametrize(("module", "stage"), STAGE_MODULES.items())
def test_a_stage_imports_only_what_its_list_names(graph: grimp.ImportGraph, module: str, stage: str) -> None:
    listed = STAGES[stage].modules
    own = [name for name in imported(graph, module) if name.startswith("handlers.")]
    assert [name for name in own if not within(name, (*listed, *NOT_COMPUTING))] == []
    used = [*own, f"handlers.{module}"]
    assert [entry for entry in listed if not any(within(name, (entry,)) for name in used)] == [], "listed, and not imported"


def test_trials_and_parts_import_only_what_their_lists_name(graph: grimp.ImportGraph) -> None:
    """The modules that make them, without the stages around: of the metrics, a trial that does not stop early needs the shape alone."""
    parts = [name for name in imported(graph, "data.parts") if name.startswith("handlers.")]
    assert [name for name in parts if not within(name, (*STAGES["parts"].modules, *NOT_COMPUTING))] == []
    for module in ("models.loop", "models.feed", "models.checkpoint", "models.model_file", "models.predict"):
        direct = graph.find_modules_directly_imported_by(f"handlers.{module}")
        own = [name for name in sorted(direct) if name.startswith("handlers.")]
        assert [name for name in own if not within(name, (*STAGES["trials"].modules, *NOT_COMPUTING))] == []


@pytest.mark.parametrize(("module", "stage"), STAGE_MODULES.items())
def test_a_stage_imports_only_libraries_that_its_list_names(graph: grimp.ImportGraph, module: str, stage: str) -> None:
    of = metadata.packages_distributions()
    foreign = [name for name in imported(graph, module) if not name.startswith("handlers.") and name not in sys.stdlib_module_names]
    libraries = {distribution.lower() for name in foreign for distribution in of.get(name, [name])}
    # of another estimator's library the version is in the names of its own trials
    assert libraries - {*STAGES[stage].libraries, *NOT_COMPUTING_LIBRARIES, *BY_LIBRARY} == set()


# ------------------------------------------------------------------------------------------ where they come from


def test_the_versions_of_libraries_count(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digests(ROOT)
    there = metadata.version

    def with_another(library: str) -> dict[str, str]:
        monkeypatch.setattr(metadata, "version", lambda name: "0" if name == library else there(name))
        return digests(ROOT)

    assert changed(before, with_another("duckdb")) == ALL
    assert changed(before, with_another("scipy")) == ALL[2:]
    assert changed(before, with_another("scikit-learn")) == ALL[2:], "it hashes texts"
    found = {computed.__wrapped__("trials", libraries) for libraries in ((), ("scikit-learn",), ("scikit-learn", "joblib"))}
    monkeypatch.setattr(metadata, "version", there)
    found.add(computed.__wrapped__("trials", ("scikit-learn",)))
    assert len(found) == 4


def test_every_file_of_a_list_is_there() -> None:
    for stage in STAGES:
        files = files_of(ROOT, stage)
        assert all(path.is_file() for path in files)
        assert len(files) > 10


def test_one_variable_stands_for_every_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RETRAIN_CODE_DIGEST", raising=False)
    before = code_digest("parts")
    monkeypatch.setenv("RETRAIN_CODE_DIGEST", "given")
    assert {code_digest(stage, ("scikit-learn",)) for stage in STAGES} == {"given"} != {before}


def test_an_image_keeps_the_digests_that_were_printed_when_it_was_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bare = {name: value for name, value in os.environ.items() if name != "RETRAIN_CODE_DIGEST"}
    command = [sys.executable, "-m", "handlers.modelspec.digests"]
    printed = subprocess.run(command, cwd=ROOT, env=bare, capture_output=True, text=True, check=True).stdout
    assert json.loads(printed)["stages"] == digests(ROOT)
    assert json.loads(printed)["packages"]["scikit-learn"] == metadata.version("scikit-learn")
    copy = tmp_path / "app"
    shutil.copytree(ROOT / "handlers", copy / "handlers", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["sh", "-c", '"$0" -m handlers.modelspec.digests > code-digest', sys.executable], cwd=copy, env=bare, check=True)
    assert (copy / "code-digest").read_text(encoding="utf-8") == printed
    file = tmp_path / "code-digest"
    image = {"stages": {stage: f"image-{stage}" for stage in STAGES}, "packages": {"scikit-learn": "1", "an-absent-one": "1"}}
    file.write_text(json.dumps(image), encoding="utf-8")
    monkeypatch.setattr(code_digests, "IMAGE_FILE", file)
    assert computed.__wrapped__("parts", ()) == "image-parts"
    of_image = computed.__wrapped__("trials", ("scikit-learn",))
    assert computed.__wrapped__("trials", ("an-absent-one",)) not in (of_image, "image-trials")
    monkeypatch.setattr(code_digests, "IMAGE_FILE", tmp_path / "absent")
    assert computed.__wrapped__("trials", ("scikit-learn",)) != of_image


def test_a_library_that_is_not_there_is_named_with_the_command_that_installs_it() -> None:
    with pytest.raises(BadSpec, match=r"needs the package no-such-trees, .*`python -m pip install no-such-trees`"):
        computed("trials", ("no-such-trees",))
