"""Which keys start a run, and sources that let through what runs write."""

from __future__ import annotations

import pytest

from localargo import load_documents
from retrain.project.landing import of_runs, starts_nothing

BUCKET = "apiVersion: argoproj.io/v1alpha1\nkind: EventSource\nmetadata: {{name: b}}\nspec: {{minio: {{u: {{filter: {filter}}}}}}}\n"


@pytest.mark.parametrize("key", ["incoming/m/a.csv", "incoming/m/2026/01/a.csv", "batches/m/1/_READY", "incoming/m/_READY"])
def test_keys_that_start_a_run(key: str) -> None:
    assert starts_nothing(key, ["m", "other"]) == starts_nothing(key, None) == ""


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("elsewhere/m/a.csv", "no Sensor takes 'elsewhere/m/a.csv'"),
        ("incoming/Keys/x.csv", "no Sensor takes"),
        ("incoming/a.csv", "no Sensor takes"),
        ("incoming/mm/a.csv", "there is no model 'mm'; there are: m, other"),
        ("batches/m/1/a.csv", "put an empty batches/m/1/_READY last"),
    ],
)
def test_a_key_that_starts_no_run_says_why(key: str, told: str) -> None:
    assert told in starts_nothing(key, ["m", "other"])


@pytest.mark.parametrize(("given", "folders"), [("{}", "runs/, models/"), ("{prefix: ''}", "runs/, models/"), ("{prefix: r}", "(runs/)")])
def test_a_source_that_lets_through_what_runs_write_is_warned_of(given: str, folders: str) -> None:
    (found,) = of_runs(load_documents(BUCKET.format(filter=given), "b.yaml"))
    assert (found.severity, found.file, found.path) == ("warning", "b.yaml", "spec.minio.u.filter.prefix")
    assert folders in found.message


@pytest.mark.parametrize("given", ["{prefix: incoming/}", "{prefix: batches/, suffix: /_READY}", "{suffix: .csv}"])
def test_a_source_of_uploads_alone_is_not(given: str) -> None:
    assert list(of_runs(load_documents(BUCKET.format(filter=given), "b.yaml"))) == []
