"""Everything together: the recorded cases, and what check says of the whole."""

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localargo.manifests.document import Document
from localargo.manifests.validate import argo_message, check
from localargo.manifests.yaml import load_documents

TESTS = Path(__file__).parents[3]
CASES = sorted(TESTS.glob("conformance/*/*/case.yaml"))
REFUSED_BY_ARGO = {
    "bad-reference": "invalid spec: templates.main.steps failed to resolve {{steps.nope.outputs.result}}",
    "missing-param": "invalid spec: spec.arguments.needed.value or spec.arguments.needed.valueFrom is required",
}


def case(name: str) -> list[Document]:
    path = next(path for path in CASES if path.parent.name == name)
    return load_documents(path.read_text(encoding="utf-8"), path.parent.name)


def test_all_recorded_cases_are_here() -> None:
    assert len(CASES) == 53
    assert all((path.parent / "expect.json").exists() for path in CASES)


@pytest.mark.parametrize("name", [path.parent.name for path in CASES])
def test_what_real_argo_accepted_is_accepted(name: str) -> None:
    found = [finding for finding in check(case(name)) if finding.severity in ("error", "unsupported")]
    if name in REFUSED_BY_ARGO:
        assert argo_message(found) == REFUSED_BY_ARGO[name]
        assert [finding.severity for finding in found] == ["error"]
    else:
        assert found == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("filter-mix", "filtersLogicalOperator"),
        ("reserved-dependency-name", "a dependency named and never fires"),
        ("when", "is not in quotes"),
        ("retrain-whole", "is not in quotes"),
        ("retrain-whole", "may never be written: this can run when fetch is Failed or Errored or Omitted"),
        ("configmap-spec", "has no label workflows.argoproj.io/configmap-type"),
        ("parameter-types", "addresses a position"),
        ("context-header-template", "`x-github-event` never exists"),
    ],
)
def test_the_traps_that_were_recorded_are_named(name: str, words: str) -> None:
    assert any(words in finding.message for finding in check(case(name)) if finding.severity == "warning")


def test_warnings_of_what_is_known_already_are_not_repeated() -> None:
    documents = case("retrain-whole")
    templates = [document for document in documents if document.kind != "Workflow"]
    workflows = [document for document in documents if document.kind == "Workflow"]
    first = [finding for finding in check(templates) if finding.severity == "warning"]
    again = [finding for finding in check(workflows, templates) if finding.severity == "warning"]
    assert first
    assert {finding.path.partition(" ")[0] for finding in again} == {"Workflow/c57-unquoted-"}


def test_two_documents_of_one_kind_and_name_are_refused() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
    (found,) = check(load_documents(text, "f"))
    assert (found.severity, found.line, found.message, found.hint) == ("error", 7, "ConfigMap/a is defined twice", "first in f:3")
    assert check(load_documents(text.replace("{name: a}", "{name: a, namespace: other}", 1), "f")) == []


def test_a_wrong_api_version_is_refused() -> None:
    text = "apiVersion: argoproj.io/v1\nkind: Workflow\nmetadata: {generateName: a-}\n"
    text += "spec: {entrypoint: a, templates: [{name: a, suspend: {}}]}\n"
    (found,) = check(load_documents(text, "f"))
    assert found.message == "Workflow has apiVersion argoproj.io/v1alpha1, not argoproj.io/v1"


def test_a_broken_tree_is_reported_without_failing() -> None:
    text = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: [1]\nspec: {templates: {a: b}, arguments: [x], entrypoint: 5}\n"
    found = check(load_documents(text, "f"))
    assert {finding.severity for finding in found} == {"error"}
    assert len(found) == 4


def test_the_message_of_a_refused_workflow_begins_as_argos() -> None:
    assert argo_message([]) == ""
    (unknown,) = check([Document({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "a"}, "spec": {"x": 1}})])[
        :1
    ]
    assert argo_message([unknown]) == 'invalid spec: unknown field "x"'


JUNK: tuple[Any, ...] = (
    None,
    0,
    1.5,
    True,
    "",
    "{{",
    "{{=",
    "{{tasks.a.outputs.parameters.x}}",
    "a && (",
    "#(",
    [],
    {},
    [None],
    {"name": None},
)


def places(tree: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield (*path, key)
        yield from places(value, (*path, key))


def spoil(doc: dict[str, Any], rng: random.Random) -> None:
    """Take away, rename or replace one value of a document."""
    *way, last = rng.choice(list(places(doc)))
    tree: Any = doc
    for step in way:
        tree = tree[step]
    if rng.random() < 0.2:
        del tree[last]
    elif rng.random() < 0.1 and isinstance(tree, dict):
        tree[rng.choice(["nmae", "a.b", ""])] = tree.pop(last)
    else:
        tree[last] = copy.deepcopy(rng.choice(JUNK))


@pytest.mark.parametrize("seed", range(40))
def test_no_document_is_so_broken_that_checking_fails(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(20):
        documents = [Document(copy.deepcopy(document.doc)) for document in case(rng.choice(CASES).parent.name)]
        spoil(rng.choice(documents).doc, rng)
        assert all(finding.message and finding.path for finding in check(documents))


def test_checking_grows_with_the_size_of_the_graph_not_with_its_paths() -> None:
    """Forty layers of three tasks that each wait for the whole layer before: more paths than anything could walk."""
    tasks: list[dict[str, str]] = []
    for layer in range(40):
        for place in range(3):
            depends = " && ".join(f"t{layer - 1}-{each}" for each in range(3)) if layer else ""
            tasks.append({"name": f"t{layer}-{place}", "template": "a", "depends": depends})
    tasks[-1]["when"] = "'{{tasks.t0-0.outputs.result}}' == 'x'"
    spec = {"entrypoint": "m", "templates": [{"name": "m", "dag": {"tasks": tasks}}, {"name": "a", "container": {"image": "x"}}]}
    doc = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "a"}, "spec": spec}
    assert check([Document(doc)]) == []
