"""Options and arguments that many verbs share, so that they are spelt and explained the same everywhere."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from retrain.cli import completion
from retrain.client.place import Cluster, Place

F = TypeVar("F", bound=Callable[..., Any])


def nearest(ctx: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """The option given after the verb, else the one given before it, else the environment's or the default."""
    name = str(parameter.name)
    above: click.Context | None = ctx
    while above is not None:
        if above.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            return value if above is ctx else above.params[name]
        above = above.parent
    return value


state_option = click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".retrain"),
    show_default=True,
    envvar="RETRAIN_STATE",
    show_envvar=True,
    callback=nearest,
    help="Folder of the engine's state.",
)
_context_option = click.option("--context", metavar="NAME", callback=nearest, help="A cluster instead: a context of the kubeconfig.")
_namespace_option = click.option("-n", "--namespace", default="", callback=nearest, help="Of the cluster; by default the context's own.")


def place_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--state`, or `--context` with `--namespace`, as the verb's parameter `place`."""

    @state_option
    @_context_option
    @_namespace_option
    @click.pass_context
    @functools.wraps(function)
    def with_place(ctx: click.Context, /, *, state: Path, context: str | None, namespace: str, **others: Any) -> Any:
        return function(place=_place(ctx, state, context, namespace), **others)

    return with_place


def _place(ctx: click.Context, state: Path, context: str | None, namespace: str) -> Place:
    if context is None:
        if namespace:
            raise click.UsageError("--namespace is for a cluster: give --context too")
        return state
    if not context:
        raise click.UsageError("--context is empty: `kubectl config get-contexts` shows the names")
    above: click.Context | None = ctx
    while above is not None:
        if above.get_parameter_source("state") is ParameterSource.COMMANDLINE:
            raise click.UsageError("give either --state, an engine on this machine, or --context, a cluster")
        above = above.parent
    return Cluster(context, namespace)


manifests = click.Path(exists=True, allow_dash=True, path_type=Path)  # `-` is standard input
names_argument = click.argument("names", nargs=-1, required=True, shell_complete=completion.workflows)
name_argument = click.argument("name", default="@latest", shell_complete=completion.workflows)
selector_option = click.option(
    "--node-field-selector", default="", metavar="FIELD=VALUE", help="Only these nodes, for example displayName=approve."
)
parameter_option = click.option(
    "-p", "--parameter", "given", multiple=True, metavar="NAME=VALUE", help="Set an argument of the Workflow; repeatable."
)


def output_option(*more: str) -> Callable[[F], F]:
    """`-o`: json and yaml print Argo's own documents, the others are for people."""
    return click.option(
        "-o", "--output", type=click.Choice([*more, "json", "yaml"]), default=more[0], show_default=True, help="How to print."
    )


def parameters(values: tuple[str, ...]) -> list[str]:
    """`-p name=value` as Argo takes it; a missing `=` is a usage error."""
    for value in values:
        if value.find("=") < 1:
            raise click.BadParameter(f"{value!r} is not name=value", param_hint="-p")
    return list(values)


def assignments(values: tuple[str, ...]) -> dict[str, str]:
    """`-p name=value` by name."""
    return {name: value for name, _, value in (text.partition("=") for text in parameters(values))}
