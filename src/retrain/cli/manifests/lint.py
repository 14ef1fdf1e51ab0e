"""`retrain lint`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from localargo import Finding, InvalidInput, Unsupported
from retrain.cli.loading import list_models
from retrain.cli.options import manifests, output_option


@click.command()
@click.argument("files", nargs=-1, type=manifests)
@click.option(
    "--fix", type=click.Choice(["models"]), help="Fix the list of models in models/kustomization.yaml and what is generated from the specs."
)
@click.option("--strict", is_flag=True, help="Warnings fail too.")
@click.option("-v", "--verbose", is_flag=True, help="Show also the fields that are kept but not enforced by the embedded engine.")
@output_option("text")
def lint(files: tuple[Path, ...], fix: str | None, strict: bool, verbose: bool, output: str) -> None:
    """Check manifests and model specs before anything runs: FILES, by default this whole repository.

    Exit 2 for what Argo would refuse, 3 for what the embedded engine refuses (without FILES: in overlays/laptop).

    \b
    retrain lint
    retrain lint models/flight-delay.yaml
    retrain lint my-workflow.yaml --strict
    """
    from retrain.project.manifests import findings

    if fix == "models" and not files:
        list_models()
    found = findings(files)
    if output == "text":
        _show(found, verbose)
    else:
        from dataclasses import asdict

        from retrain.display.output import emit

        emit([asdict(f) for f in found], output)
    severities = {f.severity for f in found}
    if "error" in severities or (strict and "warning" in severities):
        sys.exit(InvalidInput.exit_code)
    if "unsupported" in severities:
        sys.exit(Unsupported.exit_code)


def _show(found: Sequence[Finding], verbose: bool) -> None:
    """A line per finding, then the counts on standard error."""
    from retrain.display.output import counted

    number = {severity: sum(f.severity == severity for f in found) for severity in ("error", "unsupported", "warning", "kept")}
    for finding in found:
        if verbose or finding.severity != "kept":
            click.echo(str(finding))
    kept = f"{number['kept']} not enforced here" + (" (-v shows them)" if number["kept"] and not verbose else "")
    summary = [counted(number["error"], "error"), f"{number['unsupported']} unsupported", counted(number["warning"], "warning"), kept]
    click.echo(", ".join(summary), err=True)
