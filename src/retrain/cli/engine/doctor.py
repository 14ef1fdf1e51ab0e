"""`retrain doctor`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from retrain.cli.options import output_option, place_option
from retrain.client.place import Cluster, Place

if TYPE_CHECKING:
    from retrain.doctor.check import Check


@click.command()
@output_option("text")
@place_option
def doctor(output: str, place: Place) -> None:
    """Check this machine: programs, libraries, isolation of pods, the state folder; or a cluster: Argo, rights, the bucket, what runs.

    Exit 1 when something needed is missing.

    \b
    retrain doctor
    retrain doctor --context prod -n retrain
    """
    from retrain.display.output import emit

    done = list(_checks(place))
    if output == "text":
        for check in done:
            mark = click.style("✔", fg="green") if check.ok else click.style("✖", fg="red")
            click.echo(f"{mark} {check.name:<16} {check.message}")
    else:
        emit([{"check": check.name, "ok": check.ok, "message": check.message} for check in done], output)
    sys.exit(0 if all(check.ok for check in done) else 1)


def _checks(place: Place) -> Iterator[Check]:
    if isinstance(place, Cluster):
        from retrain.doctor import cluster

        return cluster.checks(place)
    from retrain.doctor import machine

    return machine.checks(place)
