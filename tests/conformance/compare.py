#!/usr/bin/env python3
"""Compare what an engine did with what the real Argo controllers did on the same case.

usage: compare.py workflow EXPECT.json ACTUAL.json     ACTUAL: one Workflow, or a List of them in creation order
       compare.py event    EXPECT.json ACTUAL.json     ACTUAL: {"responses": [...], "workflows": [...]}
       compare.py normalise-workflow FILE.json         print the compact form that EXPECT files hold
       compare.py normalise-event    FILE.json
Exit status 0 when equal, 1 with one line per difference, 2 on bad usage. Only the standard library.

What changes from run to run is masked: names made from generateName (<wf>), node ids (<id:DISPLAYNAME>), pod names
(<pod:DISPLAYNAME>), uuids (<uuidN>, N keeps equality), times (<ts>, <epoch>), and the tail of messages that are a Go library's words.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GO_WORDS = [  # (what stands before the Go library's own words, kept)   the rest of the message is masked
    r"(could not be parsed as a JSON list: ).*",
    r"(Invalid 'when' expression '.*?': ).*",
    r"((?:^|: )invalid character ).*",
    r"(wait: Error \(exit code \d+\): ).*",
    r"(Resumed by: ).*",
]
UUID = r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
EPOCH = r"(?<![\d-])1[789]\d{8}(?!\d)"
TIME = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?(Z|[+-]\d\d:?\d\d))?( UTC)?( m=[+-][\d.]+)?"


def fnv1a32(text: str) -> str:
    """Argo's hash of a node name: node id = <workflow>-<hash>, pod = <workflow>-<template>-<hash>."""
    h = 0x811C9DC5
    for b in text.encode():
        h = ((h ^ b) * 0x01000193) & 0xFFFFFFFF
    return str(h)


class Mask:
    """Replaces what differs between two runs of one workflow."""

    def __init__(self, workflow: Any) -> None:
        self.name = workflow["metadata"]["name"]
        self.uid = workflow["metadata"].get("uid")
        nodes = (workflow.get("status") or {}).get("nodes") or {}
        self.ids = {i: n.get("displayName") or n.get("name") for i, n in nodes.items() if i != self.name}
        self.pods = {self._pod(n): n.get("displayName") for n in nodes.values() if n.get("type") == "Pod"}
        self.uuids: dict[str, int] = {}

    def _pod(self, n: Any) -> str:
        template = n.get("templateName") or (n.get("templateRef") or {}).get("template") or ""
        return f"{self.name}-{template}-{fnv1a32(n['name'])}"

    def text(self, v: str) -> str:
        for table, tag in ((self.pods, "pod"), (self.ids, "id")):
            for key in sorted(table, key=len, reverse=True):
                v = v.replace(key, f"<{tag}:{table[key].replace(self.name, '<wf>')}>")
        v = v.replace(self.name, "<wf>")
        if self.uid:
            v = v.replace(self.uid, "<uid>")
        v = re.sub(UUID, lambda m: f"<uuid{self.uuids.setdefault(m[0], len(self.uuids) + 1)}>", v)
        v = re.sub(EPOCH, "<epoch>", v)
        return re.sub(TIME, "<ts>", v)

    def __call__(self, x: Any) -> Any:
        if isinstance(x, str):
            return self.text(x)
        if isinstance(x, list):
            return [self(y) for y in x]
        if isinstance(x, dict):
            return {k: self(v) for k, v in x.items()}
        return x


def failures(v: Any) -> Any:
    """{{workflow.failures}} is a JSON list (usually encoded twice) in random order: sort it."""
    if not isinstance(v, str) or "displayName" not in v:
        return v
    try:
        once = json.loads(v)
        twice = isinstance(once, str)
        found = json.loads(once) if twice else once
        found = sorted(found, key=lambda e: (e["displayName"], json.dumps(e, sort_keys=True)))
    except (ValueError, TypeError, KeyError):
        return v
    text = json.dumps(found, separators=(",", ":"), ensure_ascii=False)
    return json.dumps(text, ensure_ascii=False) if twice else text


def message(m: Any) -> Any:
    for pattern in GO_WORDS:
        m = re.sub(pattern, r"\1<...>", m, flags=re.DOTALL) if m else m
    return m


def parameters(io: Any) -> Any:
    found = (io or {}).get("parameters") or []
    return [{k: failures(p[k]) for k in ("name", "value", "globalName", "default") if k in p} for p in found] or None


def artifacts(io: Any) -> Any:
    return sorted(a["name"] for a in (io or {}).get("artifacts") or []) or None


def node(n: Any, nodes: Any) -> Any:
    def shown(i: str) -> Any:
        return nodes[i].get("displayName") if i in nodes else "<missing>"

    ref = n.get("templateRef") or {}
    out = n.get("outputs") or {}
    full = {
        "displayName": n.get("displayName"),
        "name": n.get("name"),
        "type": n.get("type"),
        "templateName": n.get("templateName") or (ref and f"{ref.get('name')}/{ref.get('template')}") or None,
        "phase": n.get("phase"),
        "message": message(n.get("message")),
        "inputParameters": parameters(n.get("inputs")),
        "inputArtifacts": artifacts(n.get("inputs")),
        "outputParameters": parameters(out),
        "outputArtifacts": artifacts(out),
        "result": out.get("result"),
        "exitCode": out.get("exitCode"),
        "children": sorted(shown(c) for c in n.get("children") or []) or None,
        "boundary": shown(n["boundaryID"]) if n.get("boundaryID") else None,
        "nodeFlag": n.get("nodeFlag"),
        "memoized": (n.get("memoizationStatus") or {}).get("hit"),
    }
    return {k: v for k, v in full.items() if v not in (None, "", {})}


def normalise_workflow(w: Any) -> Any:
    st = w.get("status") or {}
    nodes = st.get("nodes") or {}
    outputs = st.get("outputs") or {}
    res = Mask(w)(
        {
            "phase": st.get("phase"),
            "message": message(st.get("message")) or None,
            "outputs": {k: v for k, v in {"parameters": parameters(outputs), "artifacts": artifacts(outputs)}.items() if v},
            "nodes": [node(n, nodes) for n in nodes.values()],
        }
    )
    for n in res["nodes"]:
        if "children" in n:
            n["children"].sort()
    res["nodes"].sort(key=lambda n: (n.get("displayName") or "", n.get("name") or ""))
    return res


def normalise_event(record: Any) -> Any:
    """What an event case left: HTTP status codes in order; the Workflows created, as a set."""
    made = []
    for w in record["workflows"]:
        mask = Mask({"metadata": {"name": w["name"]}} if w.get("generateName") else {"metadata": {"name": "\0"}})
        spec = {k: v for k, v in (w.get("spec") or {}).items() if k not in ("templates", "entrypoint", "suspend", "arguments")}
        notes = {k: re.sub(r"^[0-9a-f]{32}$", "<event id>", v) for k, v in (w.get("annotations") or {}).items()}
        labels = {k: ("<ms>" if k.endswith("action-timestamp") else v) for k, v in (w.get("labels") or {}).items()}
        args = ((w.get("spec") or {}).get("arguments") or {}).get("parameters") or []
        full = {
            "name": f"{w['generateName']}<random>" if w.get("generateName") else w["name"],
            "labels": labels,
            "annotations": notes,
            "parameters": [[p.get("name"), p.get("value")] for p in args],
            "spec": spec,
        }
        made.append(mask({k: v for k, v in full.items() if v}))
    made.sort(key=lambda m: json.dumps(m, sort_keys=True, ensure_ascii=False))
    return {"statuses": [r.get("status", r.get("error")) for r in record.get("responses", [])], "workflows": made}


def label(xs: list[Any]) -> dict[str, Any]:
    return {f"{x['name']}#{[y['name'] for y in xs[:i]].count(x['name'])}": x for i, x in enumerate(xs)}


def differences(want: Any, got: Any, path: str = "") -> Iterator[str]:
    if isinstance(want, dict) and isinstance(got, dict):
        for k in sorted(set(want) | set(got)):
            yield from differences(want.get(k), got.get(k), f"{path}.{k}")
    elif isinstance(want, list) and isinstance(got, list) and all(isinstance(x, dict) and "name" in x for x in want + got):
        a, b = label(want), label(got)
        for k in sorted(set(a) | set(b)):
            if k not in b:
                yield f"{path}[{k}]: missing"
            elif k not in a:
                yield f"{path}[{k}]: not expected: {json.dumps(b[k], ensure_ascii=False)[:200]}"
            else:
                yield from differences(a[k], b[k], f"{path}[{k}]")
    elif want != got:
        yield f"{path}: expected {json.dumps(want, ensure_ascii=False)[:300]}, got {json.dumps(got, ensure_ascii=False)[:300]}"


def load(path: str) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8"))


def compare(kind: str, want: Any, got: Any) -> list[str]:
    """Every difference, as one line each. `kind` is `workflow` or `event`."""
    if kind == "event":
        return list(differences(want, normalise_event(got)))
    items = got.get("items", [got])
    found = [f"expected {len(want)} workflows, got {len(items)}"] if len(items) != len(want) else []
    for i, (a, w) in enumerate(zip(want, items, strict=False)):
        found += [f"workflow {i}{d}" for d in differences(a, normalise_workflow(w))]
    return found


def main(argv: list[str]) -> int:
    if len(argv) == 2 and argv[0] == "normalise-workflow":
        d = load(argv[1])
        print(json.dumps([normalise_workflow(w) for w in d.get("items", [d])], indent=1, ensure_ascii=False))
        return 0
    if len(argv) == 2 and argv[0] == "normalise-event":
        print(json.dumps(normalise_event(load(argv[1])), indent=1, ensure_ascii=False))
        return 0
    if len(argv) != 3 or argv[0] not in ("workflow", "event"):
        print(__doc__, file=sys.stderr)
        return 2
    found = compare(argv[0], load(argv[1]), load(argv[2]))
    print("\n".join(found) if found else "equal")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
