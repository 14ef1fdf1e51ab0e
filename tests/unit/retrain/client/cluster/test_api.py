"""Lists of many pages, and watches that go on where they stopped."""

from __future__ import annotations

import itertools
import time

import pytest

from localargo import Unavailable
from retrain.client.cluster import api as module
from retrain.client.cluster.api import KubernetesApi
from retrain.client.place import Cluster
from tests.unit.retrain.client.cluster.api_server import WORKFLOWS, ApiServer, listing, recorded, stream, workflow


@pytest.fixture
def client(api: ApiServer) -> KubernetesApi:
    return KubernetesApi(Cluster("here"))


def seen(client: KubernetesApi, number: int) -> list[tuple[str, str]]:
    """The first changes, by type and name."""
    return [(c.type, c.workflow["metadata"]["name"]) for c in itertools.islice(client.changes(WORKFLOWS, {}), number)]


def test_a_list_is_read_page_by_page(api: ApiServer, client: KubernetesApi) -> None:
    api.gives(f"GET {WORKFLOWS}", listing(workflow("a"), **{"continue": "more"}), listing(workflow("b"), version="7"))
    found, version = client.items(WORKFLOWS, {"labelSelector": "x=y"})
    assert ([w["metadata"]["name"] for w in found], version) == (["a", "b"], "7")
    assert [r.query.get("continue") for r in api.asked] == [None, "more"]
    assert {r.query["labelSelector"] for r in api.asked} == {"x=y"}


def test_a_list_whose_pages_have_expired_begins_anew(api: ApiServer, client: KubernetesApi) -> None:
    gone = (410, recorded("expired-watch")[1]["object"])
    api.gives(f"GET {WORKFLOWS}", listing(workflow("old"), **{"continue": "more"}), gone, listing(workflow("a")))
    assert [w["metadata"]["name"] for w in client.items(WORKFLOWS)[0]] == ["a"]


def test_a_watch_goes_on_at_the_version_where_it_stopped(api: ApiServer, client: KubernetesApi) -> None:
    api.gives(
        f"GET {WORKFLOWS}",
        listing(workflow("a", resourceVersion="5"), version="9"),
        stream(("MODIFIED", workflow("a", resourceVersion="11")), ("BOOKMARK", {"metadata": {"resourceVersion": "15"}})),
        stream(("DELETED", workflow("a", resourceVersion="16"))),
    )
    assert seen(client, 3) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
    assert [r.query.get("resourceVersion") for r in api.asked] == [None, "9", "15"]


def test_a_watch_that_expired_lists_anew_and_tells_what_changed_meanwhile(api: ApiServer, client: KubernetesApi) -> None:
    before = [workflow(name, resourceVersion="5") for name in ("kept", "changed", "gone")]
    after = [workflow("kept", resourceVersion="5"), workflow("changed", resourceVersion="6"), workflow("new", resourceVersion="7")]
    api.gives(f"GET {WORKFLOWS}", listing(*before), recorded("expired-watch"), listing(*after, version="20"), stream())
    assert seen(client, 6)[3:] == [("DELETED", "gone"), ("MODIFIED", "changed"), ("ADDED", "new")]


def test_a_watch_outlives_a_server_that_is_away_for_a_moment(
    api: ApiServer, client: KubernetesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    away = (503, {"message": "starting"})
    api.gives(f"GET {WORKFLOWS}", listing(), away, away, stream(("ADDED", workflow("a"))))
    assert seen(client, 1) == [("ADDED", "a")]
    assert pauses == [1, 2]


def test_a_watch_ends_when_the_server_stays_away(api: ApiServer, client: KubernetesApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    api.gives(f"GET {WORKFLOWS}", listing(), (503, {"message": "starting"}))
    with pytest.raises(Unavailable, match="the API server of context here answered 503: starting"):
        seen(client, 1)
    assert len(api.asked) == 1 + module.ATTEMPTS
