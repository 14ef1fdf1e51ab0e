"""Play recorded workflow cases through one engine and compare what it did with what the real controllers did.

usage: python tests/conformance/play_workflows.py [--reload] [--state DIR] [CASE...]      CASE: a folder's name, by default all

Documents are created as kubectl would, Workflows in order; `Operations` are done to the first Workflow through the HTTP API while it runs.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from localargo.engine import Engine
from localargo.manifests.yaml import load_documents

HERE = Path(__file__).parent
CASES = HERE / "workflows"
AT_ONCE = 8  # cases: most of the time they sleep
PATIENCE = 90.0  # seconds for one Workflow

_spec = importlib.util.spec_from_file_location("conformance_compare", HERE / "compare.py")
assert _spec is not None
assert _spec.loader is not None
compare = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(compare)


class Api:
    """The engine's HTTP API as `kubectl` and `argo` would use it."""

    def __init__(self, client: httpx.AsyncClient, namespace: str) -> None:
        self._client = client
        self._workflows = f"/api/v1/workflows/{namespace}"

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self._client.request(method, path, json=body)
        if answer.status_code >= 400:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()

    async def create(self, workflow: dict[str, Any]) -> str:
        created = await self.call("POST", self._workflows, {"workflow": workflow})
        return str(created["metadata"]["name"])

    async def workflow(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.call("GET", f"{self._workflows}/{name}")
        return found

    async def operate(self, name: str, operation: str, options: dict[str, Any]) -> None:
        await self.call("PUT", f"{self._workflows}/{name}/{operation}", options)


def argo_options(words: Sequence[str]) -> dict[str, Any]:
    """The request body that the argo command line would send for its options."""
    options: dict[str, Any] = {}
    rest = list(words)
    while rest:
        flag = rest.pop(0)
        match flag:
            case "--restart-successful":
                options["restartSuccessful"] = True
            case "--memoized":
                options["memoized"] = True
            case "--output-parameter":
                name, _, value = rest.pop(0).partition("=")
                options.setdefault("outputParameters", {})[name] = value
            case "--parameter" | "-p":
                options.setdefault("parameters", []).append(rest.pop(0))
            case "--message" | "--phase":
                options[flag[2:]] = rest.pop(0)
            case "--node-field-selector":
                options["nodeFieldSelector"] = rest.pop(0)
            case _:
                raise ValueError(f"what is {flag}?")
    return options


async def do_step(engine: Engine, api: Api, name: str, step: dict[str, Any]) -> None:
    """One step of an `Operations` document."""
    if "sleep" in step:
        await asyncio.sleep(step["sleep"])
    elif "wait" in step:
        await asyncio.wait_for(engine.ended(name), PATIENCE)
    elif "patch" in step:
        patch = step["patch"]
        await api.call("PATCH", f"/localargo/v1/objects/{patch['kind']}/{patch['name']}", {"data": patch["data"]})
    elif "argo" in step:
        words = [w for w in step["argo"] if w != "{{workflow}}"]
        operation = words.pop(0)
        if operation == "node":
            operation = words.pop(0)
        await api.operate(name, operation, argo_options(words))
    else:
        raise ValueError(f"what is the step {step}?")


async def play(engine: Engine, api: Api, case: Path) -> list[str]:
    """The differences; empty when the engine did what was recorded."""
    documents = load_documents((case / "case.yaml").read_text(encoding="utf-8"), str(case / "case.yaml"))
    others = [d.doc for d in documents if d.kind not in ("Workflow", "Operations")]
    operations = [d.doc for d in documents if d.kind == "Operations"]
    if others:
        await api.call("POST", "/localargo/v1/apply", {"items": others})
    names = [await api.create(d.doc) for d in documents if d.kind == "Workflow"]
    for document in operations:
        for step in document["spec"]["steps"]:
            await do_step(engine, api, names[0], step)
    for name in names:
        await asyncio.wait_for(engine.ended(name), PATIENCE)
    expected = json.loads((case / "expect.json").read_text(encoding="utf-8"))
    found = []
    for index, (want, name) in enumerate(zip(expected, names, strict=True)):
        got = compare.normalise_workflow(await api.workflow(name))
        found += [f"workflow {index}{difference}" for difference in compare.differences(want, got)]
    return found


async def play_all(cases: Sequence[Path], state: Path, *, reload: bool = False) -> dict[str, list[str]]:
    """All cases in one engine, several at once. What goes wrong in one is that one's difference."""
    found: dict[str, list[str]] = {}
    gate = asyncio.Semaphore(AT_ONCE)
    async with Engine(state, reload=reload) as engine:
        transport = httpx.AsyncHTTPTransport(uds=str(state / "engine.sock"))
        async with httpx.AsyncClient(transport=transport, base_url="http://engine", timeout=120) as client:
            api = Api(client, engine.namespace)

            async def one(case: Path) -> None:
                async with gate:
                    try:
                        found[case.name] = await play(engine, api, case)
                    except Exception as error:
                        found[case.name] = [f"{type(error).__name__}: {error}"]

            await asyncio.gather(*(one(case) for case in cases))
    return found


def all_cases() -> list[Path]:
    """Those that take long come first."""
    cases = sorted(case.parent for case in CASES.glob("*/case.yaml"))
    return sorted(cases, key=lambda case: not any(word in (case / "case.yaml").read_text() for word in ("sleep", "duration")))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--reload", action="store_true", help="keep nothing in memory from one turn to the next")
    parser.add_argument("--state", type=Path)
    given = parser.parse_args()
    cases = [CASES / name for name in given.cases] or all_cases()
    with tempfile.TemporaryDirectory(prefix="retrain-") as folder:
        found = asyncio.run(play_all(cases, given.state or Path(folder), reload=given.reload))
    for name, differences in sorted(found.items()):
        print(f"{name}: {'equal' if not differences else ''}")
        for difference in differences:
            print(f"    {difference}")
    wrong = [name for name, differences in found.items() if differences]
    print(f"{len(found) - len(wrong)} of {len(found)} cases are equal")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
