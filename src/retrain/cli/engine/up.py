"""`retrain up`."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from localargo import Document
from retrain.cli.loading import load
from retrain.cli.options import manifests, state_option

if TYPE_CHECKING:
    from localargo import Engine


def _preempt(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    from retrain.project.preempt import ACCEPTED, is_rule

    if value and not is_rule(value):
        raise click.BadParameter(f"{value!r} is no rule; accepted: {ACCEPTED}")
    return value


def _documents(files: tuple[Path, ...], preempt: str) -> list[Document]:
    """What is run; what this machine is too small for is told."""
    from retrain.project.machine import too_large
    from retrain.project.manifests import MODELS
    from retrain.project.models import specs
    from retrain.project.preempt import rehearsed

    for told in filter(None, map(too_large, specs(MODELS))):
        click.echo(f"warning: {told}: that stage of its runs will be refused here", err=True)
    documents = load(files)
    return rehearsed(documents, preempt) if preempt else documents


def _show(engine: Engine, listen: str | None, state: Path) -> None:
    if listen:
        host, port = engine.listening[-1].socket.getsockname()[:2]
        click.echo(f"the API is on http://{host}:{port}, its bearer token in {state / 'token'}", err=True)
    for source in engine.info()["sources"] if sys.stderr.isatty() else ():
        where = source["state"] + (f" on {source['where']}" if source.get("where") else "")
        click.echo(f"{source['source']}/{source['event']} ({source['type']}) {where}", err=True)


@asynccontextmanager
async def _pages(state: Path, port: int | None) -> AsyncIterator[None]:
    """Live pages in a process of their own, which ends with this one however it ends."""
    if port is None:
        yield
        return
    command = [sys.executable, "-m", "retrain.cli", "page", "--listen", f"127.0.0.1:{port}", "--state", str(state), "--while-open"]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=sys.stderr.fileno(), start_new_session=True
    )
    try:
        yield
    finally:
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()


@click.command()
@click.argument("files", nargs=-1, type=manifests)
@click.option(
    "--ports",
    type=click.Choice(["manifest", "free"]),
    default="manifest",
    show_default=True,
    help="Webhook ports as the manifests have them, or any that are free.",
)
@click.option("--listen", metavar="HOST:PORT", help="Serve the API on TCP too (a bearer token is required; see STATE/token).")
@click.option("--pause", "paused", multiple=True, metavar="SOURCE", help="Start with this EventSource paused; repeatable.")
@click.option(
    "--allow-host", "allowed", multiple=True, metavar="HOST", help="A host that http templates and triggers may call; repeatable."
)
@click.option(
    "--preempt",
    default="",
    metavar="RULE",
    callback=_preempt,
    help="Take pods away as a cluster would: 'every 20s', 'at batch 7', or with SIGKILL at once: 'every 20s kill'.",
)
@click.option(
    "--page", type=click.IntRange(0, 65535), metavar="PORT", help="Serve live pages (`retrain page`) on this port of 127.0.0.1; 0: any."
)
@state_option
def up(
    files: tuple[Path, ...],
    ports: str,
    listen: str | None,
    paused: tuple[str, ...],
    allowed: tuple[str, ...],
    preempt: str,
    page: int | None,
    state: Path,
) -> None:
    """Run manifests on this machine until Ctrl-C: FILES or folders, by default this repository's overlays/laptop.

    Prints `ready` when it accepts events. What was under way when an earlier engine ended goes on.

    \b
    retrain up
    retrain up overlays/laptop --ports free --state /tmp/retrain
    retrain up --preempt 'every 20s'
    """
    from localargo import Engine
    from retrain.project.handlers import engine_settings

    documents = _documents(files, preempt)
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
            _show(engine, listen, state)
            click.echo("ready")
            async with _pages(state, page):
                await engine.run_until(asked)
            click.echo("stopping (what is under way goes on at the next `retrain up`)", err=True)

    asyncio.run(serve())
    if signal.SIGINT in signals:
        raise click.Abort  # everything is stopped in order; the exit code says that it was Ctrl-C
