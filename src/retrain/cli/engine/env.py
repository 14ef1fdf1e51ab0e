"""`retrain env`."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from localargo import Unavailable
from retrain.cli.options import state_option
from retrain.client.connect import local_engine


@click.command()
@state_option
def env(state: Path) -> None:
    """Print shell exports with which any S3 client reaches the running bucket, and the webhook's address and token.

    \b
    eval "$(retrain env)"
    curl "$RETRAIN_WEBHOOK_URL" -H "Authorization: Bearer $RETRAIN_WEBHOOK_TOKEN" --json '{"model": "flight-delay"}'
    """
    variables: dict[str, str] = local_engine(state).info().get("environment") or {}
    if "AWS_ENDPOINT_URL_S3" not in variables:
        click.echo("no bucket runs: none of the engine's manifests needs one yet", err=True)
    if not variables:
        raise Unavailable("no webhook listens either: there is nothing to print")
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")
