"""EventBuses that Argo's controller refuses, and one that every pod of says Running and that takes nothing."""

from collections.abc import Callable

import pytest

from localargo.errors import Finding

Lint = Callable[..., list[Finding]]
HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: EventBus\nmetadata: {name: default}\nspec: "


@pytest.mark.parametrize(
    ("spec", "path", "message"),
    [
        ("{}", "spec", "an EventBus needs one of jetstream, jetstreamExotic, kafka, nats"),
        ("{jetstream: {}}", "spec.jetstream.version", "version is required"),
        ("{jetstream: {version: ''}}", "spec.jetstream.version", "version is required"),
        ("{jetstream: {version: '2', replicas: 2}}", "spec.jetstream.replicas", "2 pods make no bus: write 1, or 3 or more"),
        ("{jetstream: {version: '2', replicas: 0}}", "spec.jetstream.replicas", "0 pods make no bus"),
        ("{jetstream: {version: '2', streamConfig: ': ['}}", "spec.jetstream.streamConfig", "the text is no YAML"),
        ("{jetstreamExotic: {streamConfig: ''}}", "spec.jetstreamExotic.url", "url is required"),
    ],
)
def test_a_bus_that_the_controller_refuses(lint: Lint, spec: str, path: str, message: str) -> None:
    (found,) = [each for each in lint(HEAD + spec) if each.severity == "error"]
    assert found.path.endswith(f"EventBus/default {path}")
    assert found.message.startswith(message)


@pytest.mark.parametrize(("pods", "copies"), [("replicas: 1, ", 3), ("", 5), ("replicas: 3, ", 5)])
def test_a_stream_with_more_replicas_than_pods_is_told(lint: Lint, pods: str, copies: int) -> None:
    (found,) = lint(HEAD + f"{{jetstream: {{version: '2', {pods}streamConfig: 'replicas: {copies}'}}}}")
    assert (found.severity, found.path) == ("warning", "EventBus/default spec.jetstream.streamConfig")
    assert "it never takes an event" in found.message


@pytest.mark.parametrize("more", ["replicas: 1", "streamConfig: 'replicas: 3'", "replicas: 5, streamConfig: 'replicas: 3'"])
def test_a_bus_that_takes_events(lint: Lint, more: str) -> None:
    assert lint(HEAD + f"{{jetstream: {{version: '2', {more}}}}}") == []
