"""What is learned is every object that was put whole, under its own key; half an upload is nothing."""

from __future__ import annotations

import pytest

from tests.e2e.repository import Repository, rows
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

ODD = [
    "a b.csv",
    "a+b.csv",
    "a%2Bb.csv",
    "A+B.csv",
    " edge .csv",
    "dt=2024-03-01/part 0.csv",
    "ünï/日本.csv",
    "q?x=1&y=2#z.csv",
    "100%.csv",
    'it\'s "quoted".csv',
    "{{workflow.name}}.csv",
    "semi;colon,comma.csv",
    "long/" + "x" * 200 + ".csv",
]


def test_odd_keys_are_learned_and_half_an_upload_is_not(repository: Repository) -> None:
    repository.model(replaced={"quiet: 2s": "quiet: 6s"}, grid="[1e-4]")
    repository.up()
    client = repository.s3()
    half = client.create_multipart_upload(Bucket="retrain", Key="incoming/tiny/half.csv")["UploadId"]
    body = rows("2024-03-27", 2, seed=99).encode()
    part = client.upload_part(Bucket="retrain", Key="incoming/tiny/half.csv", UploadId=half, PartNumber=1, Body=body)
    given_up = client.create_multipart_upload(Bucket="retrain", Key="incoming/tiny/never.csv")["UploadId"]
    client.upload_part(Bucket="retrain", Key="incoming/tiny/never.csv", UploadId=given_up, PartNumber=1, Body=b"at,x\n")
    client.abort_multipart_upload(Bucket="retrain", Key="incoming/tiny/never.csv", UploadId=given_up)
    for number, name in enumerate(ODD):
        text = rows(f"2024-03-{1 + 2 * number:02d}", 2, seed=number)
        repository.put(f"incoming/tiny/{name}", text)
    keys = sorted(f"incoming/tiny/{name}" for name in ODD)
    ended = repository.ended("upload")
    assert ended["status"]["phase"] == "Succeeded", repository.retrain("get", ended["metadata"]["name"])
    (snapshot,) = repository.objects("snapshots/tiny/").values()
    assert sorted(key for key, _, _ in snapshot["objects"]) == keys
    (dataset,) = repository.objects("datasets/tiny/").values()
    assert sorted({part["source"] for part in dataset["parts"]}) == keys
    assert len(repository.json("events")["events"]) == len(ODD)

    whole = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    client.complete_multipart_upload(Bucket="retrain", Key="incoming/tiny/half.csv", UploadId=half, MultipartUpload=whole)
    client.close()
    wait_until(lambda: len(repository.objects("datasets/tiny/")) == 2)
    datasets = repository.objects("datasets/tiny/").values()
    assert sorted({part["source"] for dataset in datasets for part in dataset["parts"]}) == sorted([*keys, "incoming/tiny/half.csv"])
