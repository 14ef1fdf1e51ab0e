"""`args` of an argoWorkflow trigger."""

from typing import Any

import pytest

from localargo.errors import InvalidInput
from localargo.sensors.argo_options import onto, read


@pytest.mark.parametrize(
    ("args", "submit", "options"),
    [
        (["-p", "a=b", "--parameter=c=d=e"], True, {"parameters": ["a=b", "c=d=e"]}),
        (["-l", "a=1,b=2", "--labels", "c=3"], True, {"labels": {"a": "1", "b": "2", "c": "3"}}),
        (["--name=x", "--entrypoint", "go", "--serviceaccount=s"], True, {"name": "x", "entrypoint": "go", "serviceAccountName": "s"}),
        (["--memoized", "--restart-successful=false"], False, {"memoized": True, "restartSuccessful": False}),
        (["--message", "-p"], False, {"message": "-p"}),
        ([], True, {}),
    ],
)
def test_options_by_their_names(args: list[str], submit: bool, options: dict[str, Any]) -> None:
    assert read(args, submit=submit) == options


@pytest.mark.parametrize(
    ("args", "submit", "words"),
    [
        (["--wait"], True, "--wait"),
        (["--memoized"], True, "not supported"),
        (["-p"], True, "needs a value"),
        (["-l", "a"], True, "name=value"),
        (["a=b"], False, "not supported"),
    ],
)
def test_what_is_no_option_is_told(args: list[str], submit: bool, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        read(args, submit=submit)


def test_options_change_a_copy_of_the_workflow() -> None:
    workflow = {"kind": "Workflow", "metadata": {"generateName": "a-", "labels": {"x": "0"}}, "spec": {"priority": 1}}
    options = {
        "name": "n",
        "labels": {"x": "1"},
        "annotations": {"y": "2"},
        "parameters": ["p=1"],
        "priority": "-5",
        "serviceAccountName": "s",
    }
    assert onto(workflow, options) == {
        "kind": "Workflow",
        "metadata": {"name": "n", "labels": {"x": "1"}, "annotations": {"y": "2"}},
        "spec": {"priority": -5, "serviceAccountName": "s", "arguments": {"parameters": [{"name": "p", "value": "1"}]}},
    }
    assert workflow["spec"] == {"priority": 1}
    assert onto({"metadata": {"name": "n"}}, {"generateName": "g-"})["metadata"] == {"generateName": "g-"}
    with pytest.raises(InvalidInput, match="name=value"):
        onto(workflow, {"parameters": ["no value"]})
