"""The bounds of the bus, read from an EventBus document."""

import pytest

from localargo.errors import InvalidInput
from localargo.eventbus.retention import Retention, read


def test_without_a_document_argos_defaults_hold() -> None:
    assert read(None) == Retention(50_000, 7 * 86400.0, 1 << 30, False, 1 << 20)
    assert read({"spec": {"jetstream": {"version": "latest"}}}) == read(None)


@pytest.mark.parametrize("kind", ["jetstream", "jetstreamExotic"])
def test_the_stream_of_the_document_sets_the_bounds(kind: str) -> None:
    config = "maxMsgs: 10\nmaxAge: 1h30m\nmaxBytes: 2048\nreplicas: 1\nduplicates: 300s\nretention: 0\ndiscard: 1\n"
    assert read({"spec": {kind: {"streamConfig": config, "maxPayload": "8MB"}}}) == Retention(10, 5400.0, 2048, True, 8 << 20)


def test_minus_one_is_our_own_bound_for_bytes_and_age_zero_none() -> None:
    found = read({"spec": {"jetstream": {"streamConfig": "maxBytes: -1\nmaxAge: 0s\n"}}})
    assert (found.bytes, found.seconds) == (1 << 30, float("inf"))


@pytest.mark.parametrize(
    ("config", "field"),
    [("maxMsgs: many", "maxMsgs"), ("maxAge: soon", "maxAge"), ("- 1", "mapping"), ("a: [", "YAML"), ("maxBytes: 0", "maxBytes")],
)
def test_a_wrong_bound_is_named(config: str, field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        read({"spec": {"jetstream": {"streamConfig": config}}})


@pytest.mark.parametrize(("text", "size"), [("1MB", 1 << 20), ("512K", 512 << 10), ("1000", 1000), (2048, 2048), ("2GB", 2 << 30)])
def test_a_payload_has_a_unit(text: object, size: int) -> None:
    assert read({"spec": {"jetstream": {"maxPayload": text}}}).payload == size


def test_a_payload_that_is_no_size_is_named() -> None:
    with pytest.raises(InvalidInput, match="maxPayload"):
        read({"spec": {"jetstream": {"maxPayload": "large"}}})
