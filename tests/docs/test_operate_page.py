"""docs/howto/operate.md: its settings are documents that Kubernetes and Argo take, and its figures are those of the manifests."""

from __future__ import annotations

import yaml

from localargo.manifests import schema
from localargo.manifests.document import Document
from tests.docs.pages import DOCS, blocks, prose
from tests.manifests.builtin import of_kubernetes
from tests.manifests.installs import named, rendered
from tests.manifests.test_install import ARGO

PAGE = DOCS / "howto/operate.md"
(SETTINGS,) = (yaml.safe_load(block.text) for block in blocks(PAGE) if block.language == "yaml")


def test_the_controllers_settings_are_a_configmap_with_an_artifact_repository_of_argo() -> None:
    assert of_kubernetes([Document(SETTINGS, str(PAGE), {})], ARGO) == []
    repository = yaml.safe_load(SETTINGS["data"]["artifactRepository"])
    location = {key: value for key, value in repository["s3"].items() if key != "keyFormat"}
    assert set(location) <= set(schema.definitions(schema.WORKFLOWS)["S3Artifact"]["properties"])
    assert schema.fits("S3Artifact", location)
    assert set(repository) == {"archiveLogs", "s3"}
    keys = named(rendered("overlays/quickstart"), "Secret", "s3")["data"]
    assert {location[name]["key"] for name in ("accessKeySecret", "secretKeySecret")} <= set(keys)
    assert yaml.safe_load(SETTINGS["data"]["persistence"]).keys() == {"archive", "archiveTTL", "postgresql"}


def test_what_grows_is_bounded_as_the_page_says() -> None:
    text = prose(PAGE)
    stream = named(rendered("overlays/production"), "EventBus", "default")["spec"]["jetstream"]["streamConfig"]
    assert all(f"{key}: {value}\n" in stream for key, value in (("maxMsgs", 50000), ("maxAge", "168h"), ("maxBytes", 2**30)))
    assert "at most a week, 50,000 events, 1 GiB" in text
    ends = {name: named(rendered("."), "WorkflowTemplate", name)["spec"]["ttlStrategy"] for name in ("retrain", "heal", "score")}
    assert [ends[name]["secondsAfterCompletion"] for name in ("retrain", "score", "heal")] == [7 * 86400, 86400, 900]
    assert "a week after the end of a run, a day of scoring, a quarter of an hour of heal" in text
