"""Carries out one operation on some Workflows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from retrain.client.connect import argo_server
from retrain.client.place import Place
from retrain.client.protocol import Operation
from retrain.client.workflows import find


def operate(place: Place, names: Sequence[str], operation: Operation, done: str, options: Mapping[str, Any]) -> None:
    """Carry out the operation on each Workflow, and print what was done."""
    server = argo_server(place)
    for name in names:
        full = find(server, name)["metadata"]["name"]
        answered = server.operate(operation, full, options)
        click.echo(f"workflow {answered['metadata']['name']} {done}" + (f" from {full}" if operation == "resubmit" else ""))
