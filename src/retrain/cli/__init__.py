"""The command line: a folder per family of verbs, a file per verb, imported only when its verb is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from localargo import LocalArgoError, Unsupported
from retrain.cli import verbs


class LazyGroup(click.Group):
    """Knows its verbs by name and imports the module of the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(verbs.modules())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return verbs.command(cmd_name) if cmd_name in verbs.modules() else None

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Raises UsageError with the verb that was probably meant."""
        if args and not args[0].startswith("-") and args[0] not in verbs.modules():
            from difflib import get_close_matches

            near = get_close_matches(args[0], verbs.modules(), n=1)
            raise click.UsageError(f"there is no verb {args[0]!r}" + (f", did you mean {near[0]!r}?" if near else ""), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs in sections, each with its whole first sentence."""
        rows: dict[str, list[tuple[str, str]]] = {}
        for name in verbs.modules():
            rows.setdefault(verbs.section(name), []).append((name, verbs.command(name).get_short_help_str(limit=200)))
        for title, listed in rows.items():
            with formatter.section(title):
                formatter.write_dl(listed)

    def make_context(self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any) -> click.Context:
        with _closed_pipe_is_fine():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _closed_pipe_is_fine():
            return super().invoke(ctx)


@contextmanager
def _closed_pipe_is_fine() -> Iterator[None]:
    """A closed pipe is not an error: whoever was reading has read enough (click itself would end with 1)."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that flushing the buffer at exit does not fail
        sys.exit(0)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="retrain")
@click.option("--state", type=click.Path(file_okay=False, path_type=Path), help="Folder of the engine's state, as after the verb.")
@click.option("--context", metavar="NAME", help="A cluster instead: a context of the kubeconfig, as after the verb.")
@click.option("-n", "--namespace", default="", help="Of the cluster; by default the context's own.")
@click.pass_context
def cli(ctx: click.Context, state: Path | None, context: str | None, namespace: str) -> None:
    """Retrain models when data lands, on Argo's own manifests.

    \b
    retrain demo                         the whole path on real data
    retrain up                           run this repository's manifests here
    retrain put 2013-01.csv --model M    upload a file, which is an event
    retrain get RUN                      the steps of a run
    retrain why MODEL                    why this model is the champion
    """
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        ctx.color = False
    verb = ctx.invoked_subcommand
    if (context is not None or namespace) and verb and not _knows_clusters(verbs.command(verb)):
        raise Unsupported(f"retrain {verb} works on this machine only: leave out --context and --namespace")


def _knows_clusters(command: click.Command) -> bool:
    """Whether the verb, or one below it, takes --context."""
    below = command.commands.values() if isinstance(command, click.Group) else ()
    return any(parameter.name == "context" for parameter in command.params) or any(map(_knows_clusters, below))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a verb. Exit codes: 0 done, 1 failed, 2 wrong usage or invalid input, 3 refused as unsupported, 130 on Ctrl-C."""
    try:
        code = cli.main(args=list(arguments) if arguments is not None else None, standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Abort:
        sys.exit(130)
    except KeyboardInterrupt:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except LocalArgoError as error:
        click.echo(f"retrain: {error}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:  # a folder that cannot be written, a disk that is full
        click.echo(f"retrain: {error.filename or 'system error'}: {error.strerror or error}", err=True)
        sys.exit(1)
