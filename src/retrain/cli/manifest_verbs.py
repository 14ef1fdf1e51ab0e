"""Verbs about manifests: render, lint, apply."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from retrain.cli.client import Client
from retrain.cli.engine_verbs import OVERLAY
from retrain.cli.options import manifests, output_option, state_option
from retrain.errors import Finding, InvalidInput, Unsupported, refuse

NOT_LISTED = "is not listed, so the model does not exist for Argo"


def manifest_paths(files: tuple[Path, ...]) -> list[Path]:
    """The manifests that were named, by default those of the laptop's overlay. Raises UsageError where there is none."""
    if not files and not OVERLAY.is_dir():
        raise click.UsageError(f"no {OVERLAY} here: name manifests, or go to the folder of your repository")
    return list(files) or [OVERLAY]


@click.command()
@click.argument("files", nargs=-1, type=manifests)
@output_option("yaml")
def render(files: tuple[Path, ...], output: str) -> None:
    """Print the documents that `up` would run: FILES or folders, by default overlays/laptop.

    \b
    retrain render overlays/kind | kubectl apply --server-side -f -
    """
    from retrain.cli.output import emit
    from retrain.render.kustomize import load

    documents = [d.doc for d in load(manifest_paths(files))]
    if output == "json":
        emit({"apiVersion": "v1", "kind": "List", "items": documents}, "json")
        return
    for i, doc in enumerate(documents):
        if i:
            click.echo("---")
        emit(doc, "yaml")


@click.command()
@click.argument("files", nargs=-1, type=manifests)
@click.option("--fix", type=click.Choice(["models"]), help="Mend what can be mended: the list in models/kustomization.yaml.")
@click.option("--strict", is_flag=True, help="Warnings fail too.")
@output_option("text")
def lint(files: tuple[Path, ...], fix: str | None, strict: bool, output: str) -> None:
    """Check manifests and model specs before anything runs: FILES, by default this whole repository.

    Exit 2 for what Argo would refuse, 3 for what this engine refuses.

    \b
    retrain lint
    retrain lint my-workflow.yaml --strict
    """
    findings = _findings(files, fix)
    if output == "text":
        for finding in findings:
            click.echo(str(finding))
        told = {"error": "errors", "unsupported": "unsupported", "warning": "warnings", "kept": "not enforced here"}
        click.echo(", ".join(f"{sum(f.severity == severity for f in findings)} {words}" for severity, words in told.items()), err=True)
    else:
        from dataclasses import asdict

        from retrain.cli.output import emit

        emit([asdict(f) for f in findings], output)
    severities = {f.severity for f in findings}
    if "error" in severities or (strict and "warning" in severities):
        sys.exit(InvalidInput.exit_code)
    if "unsupported" in severities:
        sys.exit(Unsupported.exit_code)


def _findings(files: tuple[Path, ...], fix: str | None) -> list[Finding]:
    from retrain.manifests.validate import check
    from retrain.render import models
    from retrain.render.kustomize import load

    if files:
        return check(load(list(files)))
    findings: list[Finding] = []
    folder = Path("models")
    if folder.is_dir():
        if fix == "models" and models.sync(folder):
            click.echo("models/kustomization.yaml now lists every model", err=True)
        listed = models.listed(folder)
        path = str(folder / "kustomization.yaml")
        missing = [entry for entry in models.wanted(folder) if entry not in listed]
        findings += [
            Finding("error", path, 0, "configMapGenerator", f"{entry} {NOT_LISTED}", "`retrain lint --fix models`") for entry in missing
        ]
        findings += _specs(sorted(p for p in folder.glob("*.yaml") if p.name != "kustomization.yaml"))
        if any(f.severity == "error" for f in findings):
            return findings
    for overlay in sorted(p for p in Path("overlays").glob("*") if p.is_dir()):
        findings += [f for f in check(load([overlay])) if f not in findings]
    return findings


def _specs(files: list[Path]) -> list[Finding]:
    """What `handlers.check` says of model specs; it answers in JSON and shares no code with the engine."""
    if not files or not Path("handlers/check.py").exists():
        return []
    command = [sys.executable, "-m", "handlers.check", *map(str, files)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        told: list[dict[str, Any]] = json.loads(ended.stdout)
    except ValueError:
        raise InvalidInput(f"handlers.check said nothing that can be read:\n{ended.stderr[-2000:]}") from None
    return [
        Finding(f.get("severity", "error"), f["file"], f.get("line", 0), f.get("path", ""), f["message"], f.get("hint", "")) for f in told
    ]


@click.command()
@click.argument("files", nargs=-1, type=manifests)
@state_option
def apply(files: tuple[Path, ...], state: Path) -> None:
    """Create or change documents in the running engine: FILES or folders, by default overlays/laptop.

    \b
    retrain apply
    retrain apply my-template.yaml
    """
    from retrain.manifests.validate import check
    from retrain.render.kustomize import load

    documents = load(manifest_paths(files))
    client = Client(state)
    refuse([f for f in check(documents, known(client, documents)) if f.severity in ("error", "unsupported")])
    for applied in client.call("POST", "/retrain/v1/apply", {"items": [d.doc for d in documents]})["items"]:
        click.echo(f"{applied['kind'].lower()}/{applied['metadata']['name']} {applied.get('result', 'applied')}")


def known(client: Client, documents: list[Any]) -> list[Any]:
    """Templates and ConfigMaps that the engine has already, so that references to them are found."""
    from retrain.manifests.document import Document

    given = {(d.kind, d.name) for d in documents}
    kinds = ("WorkflowTemplate", "ClusterWorkflowTemplate", "ConfigMap", "EventSource", "EventBus")
    stored = [doc for kind in kinds for doc in client.call("GET", f"/retrain/v1/objects/{kind}")["items"]]
    return [Document(doc, "engine", {}) for doc in stored if (doc["kind"], doc["metadata"]["name"]) not in given]
