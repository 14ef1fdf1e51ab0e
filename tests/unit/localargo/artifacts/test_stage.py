"""Inputs and outputs between a pod's folder and the bucket, with Argo's words for what goes wrong."""

from __future__ import annotations

import asyncio
import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from localargo.artifacts import archive
from localargo.artifacts.stage import BucketArtifacts, StageError, collect, stage
from localargo.errors import NotFound, Unavailable, Unsupported
from localargo.ports import Artifact, ArtifactLocation, Container, Mount, OutputParameter, PodSpec

Archive = Literal["auto", "tar", "none", "zip"]


class PodPaths:
    """Every path below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def locate(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    resolve = locate


class FolderBucket:
    """The Bucket protocol on a folder; `away` times it does not answer."""

    def __init__(self, folder: Path, name: str = "retrain") -> None:
        self.name = name
        self.folder = folder
        self.away = 0

    def _file(self, key: str) -> Path:
        if self.away:
            self.away -= 1
            raise Unavailable("the bucket is away")
        return self.folder / self.name / key

    def get(self, key: str) -> bytes:
        try:
            return self._file(key).read_bytes()
        except (FileNotFoundError, IsADirectoryError):
            raise NotFound("The specified key does not exist.") from None

    def put(self, key: str, data: bytes) -> str:
        file = self._file(key)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return "etag"

    def download(self, key: str, to: Path) -> None:
        to.write_bytes(self.get(key))

    def upload(self, path: Path, key: str) -> None:
        self.put(key, path.read_bytes())

    def list(self, prefix: str) -> list[str]:
        base = self.folder / self.name
        return sorted(k for k in (p.relative_to(base).as_posix() for p in base.rglob("*") if p.is_file()) if k.startswith(prefix))

    def exists(self, key: str) -> bool:
        return self._file(key).is_file()

    def other(self, name: str) -> FolderBucket:
        return FolderBucket(self.folder, name)


@pytest.fixture
def bucket(tmp_path: Path) -> FolderBucket:
    return FolderBucket(tmp_path / "buckets")


@pytest.fixture
def places(tmp_path: Path) -> PodPaths:
    return PodPaths(tmp_path / "pod")


def spec(**fields: Any) -> PodSpec:
    return PodSpec("pod-1", "default", "wf", "node", "t", [Container("main", "i", ["true"])], **fields)


def s3(key: str, bucket: str = "") -> ArtifactLocation:
    return ArtifactLocation("s3", key=key, bucket=bucket)


def written(places: PodPaths, path: str, text: str = "x") -> None:
    file = places.locate(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


# ------------------------------------------------------------------------------------------------ inputs


def test_an_object_a_folder_of_objects_and_raw_content(places: PodPaths, bucket: FolderBucket) -> None:
    bucket.put("one", b"1")
    bucket.put("many/a", b"a")
    bucket.put("many/deep/b", b"b")
    bucket.put("many-not/c", b"c")
    raw = ArtifactLocation("raw", data="raw\n")
    inputs = [Artifact("one", "/in/one", s3("one")), Artifact("many", "/in/many", s3("many")), Artifact("slash", "/in/slash", s3("many/"))]
    stage(
        spec(inputs=[*inputs, Artifact("raw", "/in/raw", raw), Artifact("sub", "/in/sub", s3("many"), sub_path="deep/b")]), places, bucket
    )
    found = {p.relative_to(places.root).as_posix(): p.read_text() for p in places.root.rglob("*") if p.is_file()}
    many = {f"in/{n}/{k}": k[-1] for n in ("many", "slash") for k in ("a", "deep/b")}
    assert found == {"in/one": "1", "in/raw": "raw\n", "in/sub": "b"} | many


def test_archives_are_known_by_content_unless_told_otherwise(places: PodPaths, bucket: FolderBucket, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("content")
    archive.pack_tar(tmp_path / "f", tmp_path / "t", "f")
    archive.pack_zip(tmp_path / "f", tmp_path / "z", "f")
    bucket.upload(tmp_path / "t", "no-extension")
    bucket.upload(tmp_path / "z", "z")
    names: dict[Archive, str] = {"tar": "no-extension", "auto": "no-extension", "none": "no-extension", "zip": "z"}
    stage(spec(inputs=[Artifact(kind, f"/in/{kind}", s3(key), archive=kind) for kind, key in names.items()]), places, bucket)
    assert {places.locate(f"/in/{kind}").read_text() for kind in ("tar", "auto", "zip")} == {"content"}
    assert places.locate("/in/none").read_bytes() == (tmp_path / "t").read_bytes()


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [("text", "tar", "gzip: invalid header"), ("", "tar", "EOF"), ("text", "zip", "zip: not a valid zip file")],
)
def test_what_is_no_archive_although_it_should_be(places: PodPaths, data: str, kind: Archive, words: str) -> None:
    with pytest.raises(StageError) as e:
        stage(spec(inputs=[Artifact("a", "/a", ArtifactLocation("raw", data=data), archive=kind)]), places, None)
    assert str(e.value) == f"init: Error (exit code 64): {words}"


def test_modes(places: PodPaths, bucket: FolderBucket) -> None:
    bucket.put("d/a", b"")
    raw = ArtifactLocation("raw", data="#!/bin/sh\n")
    stage(spec(inputs=[Artifact("r", "/r", raw, mode=0o755), Artifact("d", "/d", s3("d/"), mode=0o700, recurse_mode=True)]), places, bucket)
    assert [places.locate(p).stat().st_mode & 0o777 for p in ("/r", "/d", "/d/a")] == [0o755, 0o700, 0o700]


def test_another_bucket_of_the_same_server(places: PodPaths, bucket: FolderBucket) -> None:
    bucket.other("second").put("x", b"2")
    stage(spec(inputs=[Artifact("x", "/x", s3("x", "second"))]), places, bucket)
    assert places.locate("/x").read_text() == "2"


def test_optional_inputs_may_be_absent(places: PodPaths, bucket: FolderBucket) -> None:
    stage(spec(inputs=[Artifact("a", "/a", None, optional=True), Artifact("b", "/b", s3("none"), optional=True)]), places, bucket)
    assert not places.locate("/a").exists()
    assert not places.locate("/b").exists()


@pytest.mark.parametrize(
    ("location", "words"),
    [
        (None, "required artifact 'a' not supplied"),
        (s3("none"), "artifact a failed to load: The specified key does not exist."),
        (s3("../x"), "artifact a failed to load: artifact key '../x' contains '..'"),
        (
            ArtifactLocation("http", key="http://example.com/x"),
            "artifact a failed to load: http artifact http://example.com/x: only servers on this machine",
        ),
        (ArtifactLocation("http", key="file:///etc/passwd"), "artifact a failed to load: http artifact file:///etc/passwd: only servers"),
    ],
)
def test_inputs_that_cannot_be_had(places: PodPaths, bucket: FolderBucket, location: ArtifactLocation | None, words: str) -> None:
    with pytest.raises(StageError) as e:
        stage(spec(inputs=[Artifact("a", "/a", location)]), places, bucket)
    assert str(e.value).startswith(f"init: Error (exit code 64): {words}")


@pytest.fixture
def server() -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            codes = {"/there": 200, "/moved": 302, "/away": 302, "/broken": 500}
            self.send_response(codes.get(self.path, 404))
            self.send_header("Location", "/there" if self.path == "/moved" else "http://example.com/there")
            self.end_headers()
            self.wfile.write(f"over http {self.headers.get('X-Who', '')}".rstrip().encode())

        def log_message(self, *_: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_http_from_this_machine(places: PodPaths, server: str) -> None:
    stage(spec(inputs=[Artifact("a", "/a", ArtifactLocation("http", key=f"{server}/there"))]), places, None)
    assert places.locate("/a").read_text() == "over http"
    missing = ArtifactLocation("http", key=f"{server}/none")
    stage(spec(inputs=[Artifact("b", "/b", missing, optional=True)]), places, None)
    with pytest.raises(StageError, match=r"artifact b failed to load: 404 Not Found$"):
        stage(spec(inputs=[Artifact("b", "/b", missing)]), places, None)
    moved = ArtifactLocation("http", key=f"{server}/moved", headers=[("X-Who", "me")])
    stage(spec(inputs=[Artifact("a", "/a", moved)]), places, None)
    assert places.locate("/a").read_text() == "over http me"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/broken", "loading content from {url} failed with reason: 500 Internal Server Error"),
        (
            "/away",
            "http artifact http://example.com/there: only servers on this machine (localhost) are allowed: put the file into the bucket",
        ),
    ],
)
def test_http_that_fails(places: PodPaths, server: str, path: str, words: str) -> None:
    with pytest.raises(StageError) as e:
        stage(spec(inputs=[Artifact("b", "/b", ArtifactLocation("http", key=f"{server}{path}"), optional=True)]), places, None)
    assert str(e.value) == "init: Error (exit code 64): artifact b failed to load: " + words.format(url=f"{server}{path}")


def test_http_that_nobody_answers(places: PodPaths) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(StageError, match=f'Get "http://127.0.0.1:{port}/x": dial tcp 127.0.0.1:{port}: connect: connection refused'):
        stage(spec(inputs=[Artifact("b", "/b", ArtifactLocation("http", key=f"http://127.0.0.1:{port}/x"))]), places, None)


# ------------------------------------------------------------------------------------------------ outputs


def test_outputs(places: PodPaths, bucket: FolderBucket, tmp_path: Path) -> None:
    for path in ("/o/f", "/o/d/a", "/o/d/deep/b"):
        written(places, path)
    written(places, "/p", "value\n\n")
    made = [
        Artifact("f", "/o/f", s3("k/f.tgz")),
        Artifact("zip", "/o/d", s3("k/d.zip"), archive="zip"),
        Artifact("plain", "/o/f", s3("k/plain"), archive="none"),
        Artifact("folder", "/o/d", s3("k/folder"), archive="none"),
        Artifact("maybe", "/o/none", s3("k/none"), optional=True),
        Artifact("default", "/o/f", None),
    ]
    (tmp_path / "result").write_text("[1, 2]\n")
    (tmp_path / "main.log").write_text("log")
    pod = spec(
        output_artifacts=made,
        output_parameters=[OutputParameter("p", "/p"), OutputParameter("d", "/none", "x")],
        archive_logs_key="k/main.log",
    )
    left = collect(pod, places, bucket, tmp_path / "result", tmp_path / "main.log")
    assert (left.error, left.result, left.parameters) == ("", "[1, 2]", {"p": "value\n", "d": "x"})
    assert {n: (a.key, a.bucket) for n, a in left.artifacts.items()} == {
        "f": ("k/f.tgz", "retrain"),
        "zip": ("k/d.zip", "retrain"),
        "plain": ("k/plain", "retrain"),
        "folder": ("k/folder", "retrain"),
        "default": ("argo/wf/pod-1/default.tgz", "retrain"),
        "main-logs": ("k/main.log", "retrain"),
    }
    folder = ["k/folder/a", "k/folder/deep/b"]
    assert bucket.list("") == sorted(["argo/wf/pod-1/default.tgz", "k/d.zip", "k/f.tgz", "k/main.log", "k/plain", *folder])
    again = PodPaths(tmp_path / "second")
    stage(
        spec(inputs=[Artifact(n, f"/in/{n}", a, archive="zip" if n == "zip" else "auto") for n, a in left.artifacts.items()]), again, bucket
    )
    assert sorted(p.relative_to(again.root / "in").as_posix() for p in again.root.rglob("*") if p.is_file()) == [
        *("default", "f", "folder/a", "folder/deep/b", "main-logs", "plain", "zip/a", "zip/deep/b"),
    ]


def test_the_log_of_every_container_is_archived(bucket: FolderBucket, places: PodPaths, tmp_path: Path) -> None:
    for name in ("main", "a", "other"):
        (tmp_path / f"{name}.log").write_text(name)
    containers = [Container(name, "i", ["true"]) for name in ("a", "main", "never")]
    pod = PodSpec("pod-1", "default", "wf", "node", "t", containers, archive_logs_key="k/main.log")
    left = collect(pod, places, bucket, None, tmp_path / "main.log")
    assert {n: a.key for n, a in left.artifacts.items()} == {"a-logs": "k/a.log", "main-logs": "k/main.log"}
    assert bucket.get("k/a.log") == b"a"


def test_missing_outputs_are_said_and_the_rest_is_stored(places: PodPaths, bucket: FolderBucket) -> None:
    written(places, "/there")
    places.locate("/folder").mkdir()
    made = [Artifact("gone", "/gone", s3("gone")), Artifact("there", "/there", s3("there"), archive="none")]
    left = collect(spec(output_artifacts=made), places, bucket, None, None)
    assert left.error == "wait: Error (exit code 64): artifact gone failed to save: stat /gone: no such file or directory"
    assert list(left.artifacts) == ["there"]


def test_no_parameter_is_read_after_one_that_is_missing(places: PodPaths) -> None:
    written(places, "/a", "1")
    written(places, "/c", "3")
    outputs = [OutputParameter("d", "/none", ""), OutputParameter("a", "/a"), OutputParameter("b", "/b"), OutputParameter("c", "/c")]
    left = collect(spec(output_parameters=outputs), places, None, None, None)
    assert left.parameters == {"d": "", "a": "1"}
    assert left.error == "wait: Error (exit code 64): parameter b failed to save: open /b: no such file or directory"


def test_a_folder_as_a_parameter_breaks_the_container_unless_it_lies_on_a_volume(places: PodPaths, bucket: FolderBucket) -> None:
    places.locate("/folder").mkdir(parents=True)
    written(places, "/there")
    asked: dict[str, Any] = {
        "output_parameters": [OutputParameter("p", "/folder"), OutputParameter("d", "/there", "x")],
        "output_artifacts": [Artifact("a", "/there", s3("a"))],
    }
    copy = "/var/run/argo/outputs/parameters//folder"
    left = collect(spec(**asked), places, bucket, None, None)
    assert left.broken == f"failed to copy /folder to {copy}: write {copy}: copy_file_range: is a directory"
    assert (left.parameters, left.artifacts, left.error) == ({"p": "", "d": "x"}, {}, "")
    mounted = Container("main", "i", ["true"], mounts=[Mount("v", "/folder")])
    pod = PodSpec("pod-1", "default", "wf", "node", "t", [mounted], **asked)
    assert collect(pod, places, bucket, None, None).error == (
        "wait: Error (exit code 64): parameter p failed to save: open /folder: is a directory"
    )


def test_of_a_long_result_the_end_is_kept(places: PodPaths, tmp_path: Path) -> None:
    (tmp_path / "result").write_text("a" + "b" * 262144 + "\n")
    assert collect(spec(), places, None, tmp_path / "result", None).result == "b" * 262144
    (tmp_path / "result").write_text("\n")
    assert collect(spec(), places, None, tmp_path / "result", None).result == ""


def test_bytes_that_are_no_text_do_not_break_a_parameter(places: PodPaths) -> None:
    places.root.mkdir()
    places.locate("/p").write_bytes(b"\xff\xfe")
    assert collect(spec(output_parameters=[OutputParameter("p", "/p")]), places, None, None, None).parameters == {"p": "\ufffd\ufffd"}


def test_only_s3_is_written(places: PodPaths, bucket: FolderBucket) -> None:
    written(places, "/f")
    with pytest.raises(Unsupported, match="only s3 can be written, not http"):
        collect(spec(output_artifacts=[Artifact("f", "/f", ArtifactLocation("http", key="http://x"))]), places, bucket, None, None)


# ------------------------------------------------------------------------------------------------ the port


def patient(bucket: FolderBucket, monkeypatch: pytest.MonkeyPatch) -> BucketArtifacts:
    monkeypatch.setattr("localargo.artifacts.stage.FIRST_WAIT", 0.001)

    async def asked() -> FolderBucket:
        return bucket

    return BucketArtifacts(asked)


def test_a_bucket_that_is_away_for_a_moment_is_waited_for(places: PodPaths, bucket: FolderBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.put("x", b"1")
    artifacts = patient(bucket, monkeypatch)
    bucket.away = 2
    asyncio.run(artifacts.stage(spec(inputs=[Artifact("x", "/x", s3("x"))]), places))
    assert places.locate("/x").read_text() == "1"
    bucket.away = 3
    left = asyncio.run(artifacts.collect(spec(output_artifacts=[Artifact("y", "/x", s3("y"), archive="none")]), places, None, None))
    assert (left.error, list(left.artifacts)) == ("", ["y"])


def test_a_bucket_that_stays_away_is_an_error_of_the_pod(places: PodPaths, bucket: FolderBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    artifacts = patient(bucket, monkeypatch)
    bucket.away = 1000
    with pytest.raises(StageError, match="init: Error \\(exit code 64\\): the bucket is away"):
        asyncio.run(artifacts.stage(spec(inputs=[Artifact("x", "/x", s3("x"))]), places))
    written(places, "/x")
    left = asyncio.run(artifacts.collect(spec(output_artifacts=[Artifact("y", "/x", s3("y"))]), places, None, None))
    assert left.error == "wait: Error (exit code 64): the bucket is away"


def test_a_pod_without_artifacts_asks_for_no_bucket(places: PodPaths) -> None:
    async def never() -> FolderBucket:
        raise AssertionError("not needed")

    artifacts = BucketArtifacts(never)
    raw = Artifact("r", "/r", ArtifactLocation("raw", data="x"))
    asyncio.run(artifacts.stage(spec(inputs=[raw]), places))
    assert asyncio.run(artifacts.collect(spec(output_parameters=[OutputParameter("p", "/r")]), places, None, None)).parameters == {"p": "x"}
