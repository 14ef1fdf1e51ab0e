"""Play recorded event cases through engines of their own and compare what they did with what the real controllers did.

usage: python tests/conformance/play_events.py [--actual DIR] [CASE...]      CASE: a folder's name, by default all

Stimuli go over real HTTP to the ports that the cases name. Afterwards a case is over as soon as no trigger has an event left to deal with.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from localargo.engine import Engine
from localargo.manifests.document import Document
from localargo.manifests.yaml import load_documents

HERE = Path(__file__).parent
CASES = HERE / "events"
AT_ONCE = 4
PATIENCE = 30.0  # seconds for what is on the bus to be dealt with

_spec = importlib.util.spec_from_file_location("conformance_compare", HERE / "compare.py")
assert _spec is not None
assert _spec.loader is not None
compare = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(compare)


async def send(client: httpx.AsyncClient, step: dict[str, Any]) -> dict[str, Any]:
    """One request; {"status"} or {"error"}."""
    url = f"http://127.0.0.1:{step['port']}{step['path']}"
    try:
        answer = await client.request(step["method"], url, headers=step.get("headers") or {}, content=str(step.get("body") or "").encode())
    except httpx.HTTPError as error:
        return {"error": type(error).__name__}
    return {"status": answer.status_code}


async def stimulate(stimuli: Document) -> list[dict[str, Any]]:
    """The answers to the requests, in order."""
    responses = []
    async with httpx.AsyncClient(trust_env=False, timeout=120) as client:
        for step in stimuli.doc["spec"]["steps"]:
            if "http" in step:
                responses.append(await send(client, step["http"]))
            else:
                await asyncio.sleep(step["sleep"])
    return responses


async def drained(engine: Engine) -> None:
    """Return when every trigger has dealt with all its events."""
    until = time.monotonic() + PATIENCE
    while any(row["lag"] for row in engine.journal(0)["triggers"]):
        if time.monotonic() > until:
            raise TimeoutError(f"events are left after {PATIENCE} s: {engine.journal(0)['triggers']}")
        await asyncio.sleep(0.05)


def seen(workflow: dict[str, Any]) -> dict[str, Any]:
    """What `compare.py` asks of a Workflow."""
    metadata = workflow["metadata"]
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if not k.startswith("workflows.argoproj.io/")}
    return {
        "name": metadata["name"],
        "generateName": metadata.get("generateName", ""),
        "labels": labels,
        "annotations": {k: v for k, v in (metadata.get("annotations") or {}).items() if not k.startswith("workflows.argoproj.io/")},
        "spec": workflow["spec"],
    }


async def play(case: Path, state: Path) -> dict[str, Any]:
    """What an engine did with the case, in the shape that `compare.py event` reads."""
    documents = load_documents((case / "case.yaml").read_text(encoding="utf-8"), str(case / "case.yaml"))
    (stimuli,) = [d for d in documents if d.kind == "Stimuli"]
    async with Engine(state, [d for d in documents if d.kind != "Stimuli"]) as engine:
        responses = await stimulate(stimuli)
        await drained(engine)
        return {"responses": responses, "workflows": [seen(w) for w in engine.admission.list("Workflow")]}


def keep(folder: Path | None, name: str, record: dict[str, Any]) -> None:
    """Write what a case left into the folder, if one was asked for."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_text(json.dumps(record, indent=1, ensure_ascii=False), encoding="utf-8")


async def play_all(cases: Sequence[Path], folder: Path, actual: Path | None = None) -> dict[str, list[str]]:
    """The differences of every case, none where it is equal; several cases at once. What goes wrong in one is that one's difference."""
    found: dict[str, list[str]] = {}
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(case: Path) -> None:
        async with gate:
            try:
                record = await play(case, folder / case.name)
            except Exception as error:
                found[case.name] = [f"{type(error).__name__}: {error}"]
                return
        keep(actual, case.name, record)
        expected = json.loads((case / "expect.json").read_text(encoding="utf-8"))
        found[case.name] = differences(case.name, expected, compare.normalise_event(record))

    await asyncio.gather(*(one(case) for case in cases))
    return found


def differences(case: str, expected: dict[str, Any], got: dict[str, Any]) -> list[str]:
    """As `compare.py` tells them; where a clock decides how many there are, one more or less is equal."""
    if case == "calendar" and abs(len(expected["workflows"]) - len(got["workflows"])) == 1:
        kinds = {json.dumps(w, sort_keys=True) for w in expected["workflows"]}
        return [f"not expected: {w}" for w in got["workflows"] if json.dumps(w, sort_keys=True) not in kinds]
    return list(compare.differences(expected, got))


def all_cases() -> list[Path]:
    """Those that take long come first."""
    cases = sorted(case.parent for case in CASES.glob("*/case.yaml"))
    return sorted(cases, key=lambda case: case.name not in ("calendar", "conditions", "deterministic-name"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--actual", type=Path, help="write what was seen of each case to this folder")
    given = parser.parse_args()
    cases = [CASES / name for name in given.cases] or all_cases()
    with tempfile.TemporaryDirectory(prefix="retrain-") as folder:
        found = asyncio.run(play_all(cases, Path(folder), given.actual))
    for name, told in sorted(found.items()):
        print(f"{name}: {'equal' if not told else ''}")
        for difference in told:
            print(f"    {difference}")
    wrong = [name for name, told in found.items() if told]
    print(f"{len(found) - len(wrong)} of {len(found)} cases are equal")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
