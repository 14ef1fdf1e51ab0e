"""`retrain doctor`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from retrain.cli.options import output_option, state_option


@click.command()
@output_option("text")
@state_option
def doctor(output: str, state: Path) -> None:
    """Check this machine: programs, libraries, isolation of pods, the state folder. Exit 1 when something needed is missing.

    \b
    retrain doctor
    """
    from retrain.display.output import emit
    from retrain.doctor import checks

    done = list(checks(state))
    if output == "text":
        for check in done:
            mark = click.style("✔", fg="green") if check.ok else click.style("✖", fg="red")
            click.echo(f"{mark} {check.name:<16} {check.message}")
    else:
        emit([{"check": check.name, "ok": check.ok, "message": check.message} for check in done], output)
    sys.exit(0 if all(check.ok for check in done) else 1)
