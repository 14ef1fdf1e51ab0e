"""Pods whose containers are Python callables."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass

from localargo.errors import InvalidInput
from localargo.ports import ContainerExit, Json, PodExit, PodListener, PodSpec, StoredOutputs

Fake = Callable[[Mapping[str, str]], "Mapping[str, Json] | int | None"]
RESULT = "result"  # the output that holds standard output


@dataclass(frozen=True, slots=True)
class Call:
    """One pod that was run: its template and its input parameters."""

    template: str
    inputs: Mapping[str, str]


class FakePods:
    """Implements Pods. A fake gets its template's input parameters and returns output parameters, nothing, or an exit code.

    `mistakes` holds errors of the test itself: a template without a fake, an output that the
    template does not declare, an exception of a fake, an artifact (no fake moves files).
    """

    def __init__(
        self,
        fakes: Mapping[str, Fake],
        inputs: Callable[[PodSpec], Mapping[str, str]],
        on_exit: PodListener,
        on_running: Callable[[str, float], None],
    ) -> None:
        self._fakes = fakes
        self._inputs = inputs
        self._on_exit = on_exit
        self._on_running = on_running
        self._ended: dict[str, PodExit] = {}
        self._outputs: dict[str, StoredOutputs] = {}
        self.calls: list[Call] = []
        self.mistakes: list[Exception] = []

    async def start(self) -> None:
        """Nothing runs outside this process."""

    async def close(self, kill: bool) -> None:
        """Nothing is left running."""

    async def ensure(self, pod: PodSpec) -> None:
        """Call the fake, once per pod, and report how it ended."""
        if pod.name not in self._ended:
            self._on_running(pod.node_id, time.time())
            self._ended[pod.name] = self._run(pod)
        self._on_exit(self._ended[pod.name])

    def _run(self, pod: PodSpec) -> PodExit:
        started = time.time()
        try:
            code, self._outputs[pod.name] = self._call(pod)
        except Exception as error:  # an error of the test: raised when the run is over
            self.mistakes.append(error)
            return PodExit(pod.name, pod.node_id, pod.workflow, started, time.time(), error=f"fake {pod.template}: {error}")
        reason = "Error" if code else "Completed"
        names = [c.name for c in pod.containers][: 1 if code else None]  # of a container set the first fails and the others do not run
        ends = [ContainerExit(name, code, reason, started, time.time()) for name in names]
        return PodExit(pod.name, pod.node_id, pod.workflow, started, time.time(), ends)

    def _call(self, pod: PodSpec) -> tuple[int, StoredOutputs]:
        if pod.template not in self._fakes:
            raise InvalidInput(f"no fake for template {pod.template!r}; there are fakes for {', '.join(sorted(self._fakes)) or 'nothing'}")
        artifacts = [a.name for a in (*pod.inputs, *pod.output_artifacts)]
        if artifacts:
            raise InvalidInput(f"template {pod.template!r} moves artifacts ({', '.join(artifacts)}), fakes do not: run it with real pods")
        inputs = dict(self._inputs(pod))
        self.calls.append(Call(pod.template, inputs))
        given = self._fakes[pod.template](inputs)
        if isinstance(given, int):
            return int(given), self._stored(pod, {}, failed=given != 0)
        return 0, self._stored(pod, dict(given or {}), failed=False)

    def _stored(self, pod: PodSpec, given: dict[str, Json], *, failed: bool) -> StoredOutputs:
        declared = [o.name for o in pod.output_parameters]
        unknown = sorted(given.keys() - {*declared, RESULT})
        if unknown:
            raise InvalidInput(f"fake {pod.template!r} returned {', '.join(unknown)}; the template's outputs are {', '.join(declared)}")
        result = str(given.get(RESULT, "")) if pod.capture_result else None
        values = {o.name: str(given.get(o.name, o.default)) for o in pod.output_parameters if o.name in given or o.default is not None}
        missing = [name for name in declared if name not in values]
        if missing and not failed:
            raise InvalidInput(f"fake {pod.template!r} did not return {', '.join(missing)}, outputs without a default")
        return StoredOutputs(values, {}, result)

    async def stop(self, pod: str, grace_seconds: float) -> None:
        """Report the end again: a fake has ended when `ensure` returns."""
        if pod in self._ended:
            self._on_exit(self._ended[pod])

    async def collect(self, pod: PodSpec) -> StoredOutputs:
        """What the fake returned."""
        return self._outputs[pod.name]

    async def forget(self, pod: str) -> None:
        """Forget the pod and its outputs."""
        self._ended.pop(pod, None)
        self._outputs.pop(pod, None)

    async def discard(self, owner: str) -> None:
        """Fakes leave nothing on disk."""

    async def remove(self, pod: str, owner: str) -> None:
        """Fakes leave nothing on disk."""

    async def keep_only(self, owners: Collection[str], pods: Collection[str]) -> Mapping[str, str]:
        """Fakes leave nothing on disk."""
        return {}

    async def logs(self, pod: str, container: str, follow: bool) -> AsyncIterator[bytes]:
        """Fakes print nothing."""
        nothing: tuple[bytes, ...] = ()
        for line in nothing:
            yield line
