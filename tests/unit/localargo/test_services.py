import pytest

from localargo import services


@pytest.mark.parametrize(
    ("endpoint", "own"),
    [
        ("s3:8333", True),
        ("http://s3:8333/", True),
        ("s3.ml.svc:8333", True),
        ("s3.ml.svc.cluster.local:8333", True),
        ("s3.other.svc:8333", False),
        ("s3:9000", False),
        ("s3.amazonaws.com", False),
        ("127.0.0.1:8333", False),
    ],
)
def test_the_service_s3_is_ours(endpoint: str, own: bool) -> None:
    assert services.is_own_endpoint(endpoint, "ml") is own


def test_the_namespace_is_the_first_that_is_named() -> None:
    documents = [{"metadata": {"name": "a"}}, {"metadata": {"namespace": "one"}}, {"metadata": {"namespace": "two"}}]
    assert services.namespace_of(documents) == "one"
    assert services.namespace_of(documents[:1], "kept") == "kept"


def test_who_names_the_secret_needs_the_bucket() -> None:
    container = {"envFrom": [{"secretRef": {"name": "s3"}}]}
    workflow = {"kind": "Workflow", "spec": {"templates": [{"container": container}]}}
    assert services.needs_bucket(workflow)
    assert services.needs_bucket({"kind": "Workflow", "spec": {"volumes": [{"name": "v", "secret": {"secretName": "s3"}}]}})
    assert services.needs_bucket({"kind": "EventSource", "spec": {"minio": {"incoming": {"endpoint": "s3:8333"}}}})
    assert not services.needs_bucket({"kind": "Workflow", "spec": {"templates": [{"container": {"image": "s3"}}]}})
    assert not services.needs_bucket({"kind": "EventSource", "spec": {"webhook": {"hook": {"authSecret": {"name": "s3"}}}}})
    assert not services.needs_bucket({"kind": "Secret", "metadata": {"name": "s3"}})


def test_a_secrets_values_come_back() -> None:
    made = services.secret("s3", {"key": "välue"})
    assert services.secret_value(made, "key") == "välue"
    assert services.secret_value(made, "other") is None
    assert services.secret_value(None, "key") is None
