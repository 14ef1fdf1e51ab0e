"""Verbs about the engine itself: up, down, env."""

from __future__ import annotations

import asyncio
import fcntl
import shlex
import signal
import sys
from pathlib import Path
from typing import Literal

import click

from localargo import Unavailable
from retrain.cli.client import Client
from retrain.cli.files import documents as files_of
from retrain.cli.options import manifests, state_option


@click.command()
@click.argument("files", nargs=-1, type=manifests)
@click.option(
    "--ports",
    type=click.Choice(["manifest", "free"]),
    default="manifest",
    show_default=True,
    help="Webhook ports as written, or any that are free.",
)
@click.option("--listen", metavar="HOST:PORT", help="Serve the API on TCP too (a bearer token is required; see STATE/token).")
@click.option("--pause", "paused", multiple=True, metavar="SOURCE", help="Start with this EventSource paused; repeatable.")
@click.option(
    "--allow-host", "allowed", multiple=True, metavar="HOST", help="A host that http templates and triggers may call; repeatable."
)
@state_option
def up(files: tuple[Path, ...], ports: str, listen: str | None, paused: tuple[str, ...], allowed: tuple[str, ...], state: Path) -> None:
    """Run manifests on this machine until Ctrl-C: FILES or folders, by default this repository's overlays/laptop.

    Prints `ready` when events are taken. What was under way when the engine ended goes on.

    \b
    retrain up
    retrain up overlays/laptop --ports free --state /tmp/retrain
    """
    from localargo import Engine
    from retrain.project.handlers import engine_settings

    documents = files_of(files, mend=True)
    signals: list[int] = []

    def stop(asked: asyncio.Event, number: int) -> None:
        signals.append(number)
        asked.set()

    async def serve() -> None:
        asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop, asked, number)
        how: Literal["free", "manifest"] = "free" if ports == "free" else "manifest"
        async with Engine(
            state, documents, ports=how, listen=listen, pause=paused, allowed_hosts=allowed, settings=engine_settings()
        ) as engine:
            if listen:
                host, port = engine.listening[-1].socket.getsockname()[:2]
                click.echo(f"the API is on http://{host}:{port}, its bearer token in {state / 'token'}", err=True)
            if sys.stderr.isatty():
                for source in engine.info()["sources"]:
                    told = source["state"] + (f" on {source['where']}" if source.get("where") else "")
                    click.echo(f"{source['source']}/{source['event']} ({source['type']}) {told}", err=True)
            click.echo("ready")
            await engine.run_until(asked)
            click.echo("stopping (what is under way goes on at the next `retrain up`)", err=True)

    asyncio.run(serve())
    if signal.SIGINT in signals:
        raise click.Abort  # everything is stopped in order; the exit code says that it was Ctrl-C


@click.command()
@state_option
def down(state: Path) -> None:
    """Stop the engine of a state folder, as Ctrl-C does.

    \b
    retrain down
    """
    shut_down(state)
    click.echo("stopped")


def shut_down(state: Path) -> None:
    """Ask the engine of a state folder to end, and wait until it has let the folder go. Raises Unavailable when none runs."""
    Client(state).call("POST", "/localargo/v1/shutdown")
    with (state / "engine.lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)


@click.command()
@state_option
def env(state: Path) -> None:
    """Print shell exports with which any S3 client reaches the running bucket, and the webhook's address and token.

    \b
    eval "$(retrain env)"
    curl "$RETRAIN_WEBHOOK_URL" -H "Authorization: Bearer $RETRAIN_WEBHOOK_TOKEN" --json '{"model": "flight-delay"}'
    """
    variables: dict[str, str] = Client(state).call("GET", "/localargo/v1/info").get("environment") or {}
    if "AWS_ENDPOINT_URL_S3" not in variables:
        click.echo("no bucket runs: none of the engine's manifests needs one yet", err=True)
    if not variables:
        raise Unavailable("no webhook listens either: there is nothing to print")
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")
