"""Verbs about manifests: render, lint, apply."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from localargo import Finding, InvalidInput, Unsupported, refuse
from retrain.cli.client import Client
from retrain.cli.files import MODELS, documents, is_spec, need_handlers
from retrain.cli.options import manifests, output_option, state_option

NOT_LISTED = "is not listed, so the model does not exist for Argo"


@click.command()
@click.argument("files", nargs=-1, type=manifests)
@output_option("yaml")
def render(files: tuple[Path, ...], output: str) -> None:
    """Print the documents that `up` would run: FILES or folders, by default overlays/laptop.

    \b
    retrain render overlays/kind | kubectl apply --server-side -f -
    """
    from retrain.cli.output import emit

    found = [d.doc for d in documents(files)]
    if output == "json":
        emit({"apiVersion": "v1", "kind": "List", "items": found}, "json")
        return
    for i, doc in enumerate(found):
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
    retrain lint models/flight-delay.yaml
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
    from localargo import check
    from retrain.project.kustomize import load

    if files:
        found = load(list(files))
        specs = sorted({Path(d.file) for d in found if is_spec(d)})
        if specs:
            need_handlers()
        return _specs(specs) + check([d for d in found if not is_spec(d)])
    overlays = sorted(p for p in Path("overlays").glob("*") if p.is_dir())
    if not overlays and not MODELS.is_dir():
        raise click.UsageError("no overlays/ and no models/ here: name manifests, or go to the folder of your repository")
    findings = _models(fix) if MODELS.is_dir() else []
    if any(f.severity == "error" for f in findings):
        return findings
    for overlay in overlays:
        findings += [f for f in check(load([overlay])) if f not in findings]
    return findings


def _models(fix: str | None) -> list[Finding]:
    """What is wrong with the folder of models: its list, then the specs."""
    from retrain.project import models

    if fix == "models" and models.sync(MODELS):
        click.echo(f"{MODELS}/kustomization.yaml now lists every model", err=True)
    listed, wanted = models.listed(MODELS), models.wanted(MODELS)
    wrong = [f"{entry} {NOT_LISTED}" for entry in wanted if entry not in listed]
    wrong += [f"{entry} is listed, but there is no such file" for entry in listed if entry not in wanted]
    path = str(MODELS / "kustomization.yaml")
    findings = [Finding("error", path, 0, "configMapGenerator", message, "`retrain lint --fix models`") for message in wrong]
    if not Path("handlers/check.py").exists():  # models without the steps that know them
        return findings
    return findings + _specs(sorted(p for p in MODELS.glob("*.yaml") if p.name != "kustomization.yaml"))


def _specs(files: list[Path]) -> list[Finding]:
    """What `handlers.check` says of model specs; it answers in JSON and shares no code with the engine."""
    if not files:
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
    from localargo import check

    client = Client(state)
    found = documents(files, mend=True)
    refuse([f for f in check(found, known(client, found)) if f.severity in ("error", "unsupported")])
    for applied in client.call("POST", "/localargo/v1/apply", {"items": [d.doc for d in found]})["items"]:
        click.echo(f"{applied['kind'].lower()}/{applied['metadata']['name']} {applied.get('result', 'applied')}")


def known(client: Client, given: list[Any]) -> list[Any]:
    """Templates and ConfigMaps that the engine has already, so that references to them are found."""
    from localargo import Document

    there = {(d.kind, d.name) for d in given}
    kinds = ("WorkflowTemplate", "ClusterWorkflowTemplate", "ConfigMap", "EventSource", "EventBus")
    stored = [doc for kind in kinds for doc in client.call("GET", f"/localargo/v1/objects/{kind}")["items"]]
    return [Document(doc, "engine", {}) for doc in stored if (doc["kind"], doc["metadata"]["name"]) not in there]
