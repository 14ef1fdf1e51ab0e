"""Talks to the engine of a state folder over its socket."""

from __future__ import annotations

import json
import shlex
import weakref
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from localargo import AlreadyExists, InvalidInput, LocalArgoError, NotFound, Unavailable, Unsupported, short_socket_path

if TYPE_CHECKING:
    import httpx

KINDS: Mapping[str, type[LocalArgoError]] = {e.__name__: e for e in (AlreadyExists, InvalidInput, NotFound, Unavailable, Unsupported)}


def up(state: Path) -> str:
    """The command that starts the engine of a state folder, to be copied from a message."""
    return f"`retrain up --state {shlex.quote(str(state))}`"


class Client:
    """One engine. Every call raises what the engine raised (NotFound, InvalidInput, ...), or Unavailable when nobody answers."""

    def __init__(self, state: Path) -> None:
        import httpx

        self.state = state
        socket = state / "engine.sock"
        if not socket.exists():
            raise Unavailable(f"no engine runs on {state}: start one with {up(state)}")
        self._open = ExitStack()
        transport = httpx.HTTPTransport(uds=self._open.enter_context(short_socket_path(socket)))
        self._http = self._open.enter_context(httpx.Client(transport=transport, base_url="http://engine", timeout=60))
        weakref.finalize(self, self._open.close)
        self._namespace: str | None = None

    def call(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """The answer's JSON. `path` may contain `{ns}`, the engine's namespace."""
        import httpx

        try:
            answer = self._http.request(method, self._at(path), json=body, params=query)
        except httpx.TransportError as error:
            raise self._nobody(error) from error
        self._raise(answer)
        return answer.json() if answer.content else None

    def stream(self, path: str, **query: str) -> Iterator[bytes]:
        """The answer as it comes, without a time limit."""
        import httpx

        try:
            with self._http.stream("GET", self._at(path), params=query, timeout=httpx.Timeout(60, read=None)) as answer:
                if answer.status_code >= 400:
                    answer.read()
                self._raise(answer)
                yield from answer.iter_raw()
        except httpx.TransportError as error:
            raise self._nobody(error) from error

    def events(self, path: str, **query: str) -> Iterator[Any]:
        """Server-sent events, decoded."""
        rest = b""
        for chunk in self.stream(path, **query):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if line.startswith(b"data:"):
                    yield json.loads(line[5:])

    @property
    def namespace(self) -> str:
        if self._namespace is None:
            self._namespace = str(self.call("GET", "/localargo/v1/info")["namespace"])
        return self._namespace

    def objects(self, kind: str, selector: str = "") -> list[dict[str, Any]]:
        """The documents of a kind (its name, plural or short name) with these labels, newest first."""
        found = self.call("GET", f"/localargo/v1/objects/{quote(kind, safe='')}", **({"labelSelector": selector} if selector else {}))
        return list(reversed(found["items"] or []))

    def document(self, name: str) -> dict[str, Any]:
        """KIND/NAME, or the name of a Workflow."""
        kind, slash, rest = name.partition("/")
        if not slash:
            return self.workflow(name)
        if not kind or not rest or "/" in rest:
            raise InvalidInput(f"{name!r} is not KIND/NAME, for example workflowtemplate/retrain")
        if kind.lower() in ("workflow", "workflows", "wf"):
            return self.workflow(rest)
        found: dict[str, Any] = self.call("GET", f"/localargo/v1/objects/{quote(kind, safe='')}/{quote(rest, safe='')}")
        return found

    def models(self) -> list[str] | None:
        """The models whose specs the engine has, by the names that their data has in the bucket; None without a ConfigMap `models`."""
        try:
            keys = self.document("configmap/models").get("data") or {}
        except NotFound:
            return None
        return sorted(name.removesuffix(".yaml") for name in keys if name.endswith(".yaml"))

    def workflow(self, name: str) -> dict[str, Any]:
        """A Workflow by name; `@latest` is the one created last."""
        if name == "@latest":
            items = self.objects("Workflow")
            if not items:
                raise NotFound("there is no workflow yet: `retrain submit FILE` or `retrain put FILE --model M` makes one")
            name = items[0]["metadata"]["name"]
        if not name:
            raise InvalidInput("the name is empty: `retrain list` shows those there are")
        try:
            found: dict[str, Any] = self.call("GET", f"/api/v1/workflows/{{ns}}/{quote(name, safe='')}")
        except NotFound as error:
            raise NotFound(f"{error}: `retrain list` shows those there are") from error
        return found

    def _at(self, path: str) -> str:
        return path.replace("{ns}", self.namespace) if "{ns}" in path else path

    def _nobody(self, error: Exception) -> Unavailable:
        return Unavailable(f"the engine on {self.state} does not answer ({error}): start it with {up(self.state)}")

    @staticmethod
    def _raise(answer: httpx.Response) -> None:
        if answer.status_code < 400:
            return
        try:
            told = answer.json()
        except ValueError:
            raise LocalArgoError(f"the engine answered {answer.status_code}: {answer.text[:500]}") from None
        raise KINDS.get(str(told.get("kind")), LocalArgoError)(str(told.get("message")))
