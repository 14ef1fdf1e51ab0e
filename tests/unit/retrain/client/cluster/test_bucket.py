"""Which bucket a namespace has, and how it is reached from here."""

from __future__ import annotations

import base64
import socket
from pathlib import Path

import pytest

from localargo import InvalidInput, NotFound, Unavailable
from retrain.client.cluster.api import Forbidden
from retrain.client.cluster.bucket import merged
from retrain.client.connect import bucket_environment, models
from retrain.client.place import Cluster
from tests.unit.retrain.client.cluster.api_server import ApiServer, recorded

SECRET = "/api/v1/namespaces/hello/secrets/s3"
MODELS = "/api/v1/namespaces/hello/configmaps/models"
STORED = {
    "AWS_ACCESS_KEY_ID": "theirs",
    "AWS_SECRET_ACCESS_KEY": "hidden",
    "AWS_ENDPOINT_URL_S3": "http://s3:8333",
    "RETRAIN_BUCKET": "retrain",
}


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of these tests sees the variables of this machine."""
    for name in (*STORED, "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)


def secret(**data: str) -> tuple[int, dict[str, object]]:
    return 200, {"data": {name: base64.b64encode(value.encode()).decode() for name, value in (STORED | data).items()}}


def test_keys_and_address_each_come_whole_from_one_place() -> None:
    own = {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:8333", "AWS_SESSION_TOKEN": "of-another-key"}
    found = merged(STORED, own)
    assert (found["AWS_ENDPOINT_URL_S3"], found["AWS_ACCESS_KEY_ID"], found["AWS_SESSION_TOKEN"]) == ("http://127.0.0.1:8333", "theirs", "")
    found = merged(STORED, {"AWS_ACCESS_KEY_ID": "mine", "AWS_SECRET_ACCESS_KEY": "own", "AWS_REGION": "eu-west-1"})
    assert (found["AWS_SECRET_ACCESS_KEY"], found["AWS_ENDPOINT_URL_S3"], found["AWS_REGION"]) == ("own", "http://s3:8333", "eu-west-1")


def test_a_secret_without_a_bucket_is_refused() -> None:
    with pytest.raises(InvalidInput, match="neither the Secret s3 nor the environment says which bucket: set RETRAIN_BUCKET"):
        merged({}, {})


def test_the_secret_names_a_bucket_that_is_reached(api: ApiServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        api.gives(f"GET {SECRET}", secret(AWS_ENDPOINT_URL_S3=address))
        found = bucket_environment(Cluster("here"))
    assert {name: found[name] for name in STORED} == STORED | {"AWS_ENDPOINT_URL_S3": address}


@pytest.mark.parametrize(
    ("endpoint", "told"),
    [
        (
            "http://s3.invalid.svc:8333",
            r"kubectl --context here -n invalid port-forward service/s3 8333` and set AWS_ENDPOINT_URL_S3=http://127",
        ),
        ("https://127.0.0.1:1", "the bucket at https://127.0.0.1:1 does not answer: set AWS_ENDPOINT_URL_S3 to an address"),
    ],
)
def test_an_address_that_is_not_reached_says_what_to_do(api: ApiServer, monkeypatch: pytest.MonkeyPatch, endpoint: str, told: str) -> None:
    monkeypatch.setattr("retrain.client.cluster.bucket.answers", lambda url: False)  # no name is looked up
    api.gives(f"GET {SECRET}", secret(AWS_ENDPOINT_URL_S3=endpoint))
    with pytest.raises(Unavailable, match=told):
        bucket_environment(Cluster("here"))


def test_a_secret_that_is_not_there_or_not_readable_says_which_variables_do_as_well(api: ApiServer) -> None:
    api.gives(f"GET {SECRET}", recorded("absent"), recorded("forbidden"))
    with pytest.raises(NotFound, match=r"namespace hello has no Secret s3 .* or set AWS_ACCESS_KEY_ID"):
        bucket_environment(Cluster("here"))
    with pytest.raises(Forbidden, match="ask for the right to read it, or set AWS_ACCESS_KEY_ID"):
        bucket_environment(Cluster("here"))


def test_variables_that_are_enough_need_no_secret(api: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        for name, value in (STORED | {"AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{server.getsockname()[1]}"}).items():
            monkeypatch.setenv(name, value)
        assert bucket_environment(Cluster("here"))["RETRAIN_BUCKET"] == "retrain"
    assert api.asked == []


def test_the_models_are_those_of_the_configmap(api: ApiServer, tmp_path: Path) -> None:
    api.gives(f"GET {MODELS}", (200, {"data": {"b.yaml": "", "a.yaml": "", "note.sql": ""}}), recorded("absent"), recorded("forbidden"))
    assert [models(Cluster("here")) for _ in range(3)] == [["a", "b"], None, None]
