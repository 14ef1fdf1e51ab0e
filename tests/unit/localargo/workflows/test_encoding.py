import json
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localargo.ports import Artifact, ArtifactLocation, Container, ContainerExit, OutputParameter, PodExit, PodSpec, StoredOutputs, Volume
from localargo.workflows import messages
from localargo.workflows.encoding import decode_action, decode_fact, encode

POD = PodSpec(
    name="p",
    namespace="n",
    workflow="w",
    node_id="w-1",
    template="t",
    containers=[Container("main", "image", ["sh"], args=["-c"], env={"A": "ü"}, memory_bytes=1)],
    volumes=[Volume("v", files={"a/b": "text"})],
    inputs=[Artifact("in", "/in", ArtifactLocation("s3", "key")), Artifact("none", "/none", None, optional=True)],
    output_parameters=[OutputParameter("o", "/o", default="d")],
    output_artifacts=[Artifact("out", "/out", ArtifactLocation("raw", data="x"), archive="zip")],
    deadline=12.5,
)
EXIT = PodExit("p", "w-1", "w", 1.0, 2.0, [ContainerExit("main", 143, "Error", 1.0, 2.0)])
FACTS: list[messages.Fact] = [
    messages.Created(),
    messages.PodRunning("n", 1.5),
    messages.PodExited("n", EXIT),
    messages.OutputsStored("n", StoredOutputs({"a": "b"}, {"x": ArtifactLocation("s3", "k")}, result="r")),
    messages.LockGranted("n"),
    messages.LockWaiting("n", "m", "l"),
    messages.Answered("n", "Failed", "m", {"exitCode": "64"}),
    messages.TimerDue(),
    messages.Operated("set", {"outputParameters": {"a": "b"}}),
]
ACTIONS: list[messages.Action] = [
    messages.EnsurePod("n", POD),
    messages.StopPod("n", "p", 30.0),
    messages.StoreOutputs("n", POD),
    messages.WantLock("n", ["Mutex/ns/m"], {}, 1),
    messages.FreeLock("n"),
    messages.SaveMemo("n", "c", "k", {"result": "1"}),
    messages.CallResource("n", "create", {"kind": "Workflow"}, {}, [{"name": "o"}]),
    messages.CallHttp("n", {"url": "http://127.0.0.1"}),
]


def test_there_is_an_example_of_every_record() -> None:
    assert {type(f) for f in FACTS} == set(typing.get_args(messages.Fact))
    assert {type(a) for a in ACTIONS} == set(typing.get_args(messages.Action))


@pytest.mark.parametrize("fact", FACTS, ids=lambda f: f.kind)
def test_a_fact_comes_back(fact: messages.Fact) -> None:
    back = decode_fact(encode(fact))
    assert type(back) is type(fact)
    assert encode(back) == encode(fact)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda a: a.kind)
def test_an_action_comes_back_under_its_key(action: messages.Action) -> None:
    back = decode_action(encode(action))
    assert type(back) is type(action)
    assert back.key == action.key
    assert encode(back) == encode(action)


def test_nested_records_are_records_again() -> None:
    back = decode_action(encode(messages.EnsurePod("n", POD)))
    assert isinstance(back, messages.EnsurePod)
    assert isinstance(back.pod.containers[0], Container)
    location = back.pod.inputs[0].location
    assert isinstance(location, ArtifactLocation)
    assert (location.kind, location.key) == ("s3", "key")
    assert back.pod.inputs[1].location is None
    stored = decode_fact(encode(FACTS[3]))
    assert isinstance(stored, messages.OutputsStored)
    location = stored.outputs.artifacts["x"]
    assert isinstance(location, ArtifactLocation)
    assert (location.kind, location.key) == ("s3", "k")


json_trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), json_trees))
def test_any_tree_survives(tree: dict[str, object]) -> None:
    back = decode_fact(encode(messages.Answered("n", "Succeeded", outputs=tree)))
    assert isinstance(back, messages.Answered)
    assert back.outputs == tree


def test_an_unknown_record_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown record 'Doc'"):
        decode_fact(json.dumps({"kind": "Doc"}))
