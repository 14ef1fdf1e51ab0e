"""Verbs that start and follow Workflows: submit, run, watch, wait, logs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from localargo import Document, InvalidInput, Unavailable, refuse
from retrain.cli import completion, tree, watching
from retrain.cli.client import Client, up
from retrain.cli.files import documents
from retrain.cli.options import manifests, output_option, parameters, state_option

Doc = dict[str, Any]


def _load(paths: tuple[Path, ...], given: tuple[str, ...]) -> list[Document]:
    """The documents of files, their Workflows with the `-p` values."""
    found = documents(paths)
    for document in found:
        if document.kind == "Workflow":
            _with_parameters(document.doc, parameters(given))
    return found


def _names(paths: tuple[Path, ...]) -> str:
    return ", ".join("standard input" if str(path) == "-" else str(path) for path in paths)


def _with_parameters(workflow: Doc, given: list[str]) -> None:
    """Put `-p` values into the arguments, as `argo submit` does: they come first, and take the place of those of their name."""
    from localargo import with_parameters

    spec = workflow.get("spec") or {}
    arguments = spec.get("arguments") or {} if isinstance(spec, dict) else None
    listed = arguments.get("parameters") or [] if isinstance(arguments, dict) else None
    if given and isinstance(listed, list) and all(isinstance(p, dict) for p in listed):  # what is no list is told by lint
        workflow["spec"] = with_parameters(spec, dict(text.split("=", 1) for text in given))


@click.command()
@click.argument("files", nargs=-1, type=manifests)
@click.option("--from", "template", metavar="workflowtemplate/NAME", help="Submit a Workflow that refers to a WorkflowTemplate.")
@click.option("-p", "--parameter", "given", multiple=True, metavar="NAME=VALUE", help="Set an argument; repeatable.")
@click.option("--name", help="metadata.name of the Workflow.")
@click.option("--wait", "wait_", is_flag=True, help="Wait for the end; exit 1 unless it succeeds.")
@click.option("--watch", "watch_", is_flag=True, help="Show the tree while it runs.")
@output_option("name", "wide")
@state_option
def submit(
    files: tuple[Path, ...],
    template: str | None,
    given: tuple[str, ...],
    name: str | None,
    wait_: bool,
    watch_: bool,
    output: str,
    state: Path,
) -> None:
    """Create Workflows from files or from a template.

    \b
    retrain submit hello.yaml -p message=hi --wait
    retrain submit --from workflowtemplate/retrain -p model=flight-delay
    """
    if bool(files) == bool(template):
        raise click.UsageError("give files, or --from workflowtemplate/NAME")
    found = _load(files, given) if files else [_referring(str(template), given)]
    workflows = [d.doc for d in found if d.kind == "Workflow"]
    if not workflows:
        raise InvalidInput(f"{_names(files)}: no Workflow in it; `retrain apply` stores templates and other documents")
    if name and len(workflows) > 1:
        raise click.UsageError(f"--name names one Workflow: there are {len(workflows)} in the files")
    client = Client(state)
    _lint(client, found)
    others = [d.doc for d in found if d.kind != "Workflow"]
    if others:
        client.call("POST", "/localargo/v1/apply", {"items": others})
    created = []
    for workflow in workflows:
        if name:
            workflow["metadata"] = {**workflow.get("metadata", {}), "name": name}
        created.append(client.call("POST", "/api/v1/workflows/{ns}", {"workflow": workflow}))
    ended = _ended(client, [w["metadata"]["name"] for w in created], watch_) if wait_ or watch_ else created
    tree.show(ended, output)
    if (wait_ or watch_) and any(w["status"]["phase"] != "Succeeded" for w in ended):
        sys.exit(1)


def _lint(client: Client, found: list[Document]) -> None:
    """Refuse what `argo submit` would, with file and line, before anything is stored. Raises InvalidInput, Unsupported."""
    from localargo import check
    from retrain.cli.manifest_verbs import known

    refuse([f for f in check(found, known(client, found)) if f.severity in ("error", "unsupported")])


def _ended(client: Client, names: list[str], watch_: bool) -> list[Doc]:
    """The Workflows when all have ended. On Ctrl-C it is said that they go on."""
    try:
        return [watching.follow(client, name) if watch_ else watching.until_done(client, name) for name in names]
    except KeyboardInterrupt:
        each = " ".join(names)
        click.echo(f"{each}: submitted, and not stopped by Ctrl-C; `retrain wait {each}` waits, `retrain stop {each}` stops", err=True)
        raise


def _referring(template: str, given: tuple[str, ...]) -> Document:
    kind, _, name = template.rpartition("/")
    if kind not in ("", "workflowtemplate") or not name:
        raise click.BadParameter(f"{template!r} is not workflowtemplate/NAME", param_hint="--from")
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": f"{name}-"},
        "spec": {"workflowTemplateRef": {"name": name}},
    }
    _with_parameters(workflow, parameters(given))
    return Document(workflow, f"--from {template}", {})


@click.command()
@click.argument("files", nargs=-1, required=True, type=manifests)
@click.option("-p", "--parameter", "given", multiple=True, metavar="NAME=VALUE", help="Set an argument of every Workflow; repeatable.")
@output_option("wide", "name")
@state_option
def run(files: tuple[Path, ...], given: tuple[str, ...], output: str, state: Path) -> None:
    """Run the Workflows of files to their end, without a running engine; prints a List of them in the files' order.

    \b
    retrain run hello.yaml
    retrain run templates.yaml run.yaml -o json > ended.json
    """
    import asyncio
    from contextlib import ExitStack

    from localargo import lock_holder, run_files
    from retrain.project.handlers import engine_settings

    found = _load(files, given)
    if not any(d.kind == "Workflow" for d in found):
        raise InvalidInput(f"{_names(files)}: no Workflow in it")
    if (holder := lock_holder(state)) is not None:
        raise Unavailable(f"an engine runs on {state} (process {holder}): `retrain submit --wait` runs it there, or choose another --state")
    try:
        with ExitStack() as drawn:
            picture = drawn.enter_context(watching.Picture(stderr=True)) if sys.stderr.isatty() else None
            ended = asyncio.run(run_files(state, found, picture.attend if picture else None, engine_settings()))
    except KeyboardInterrupt:
        click.echo(f"stopped ({up(state)} goes on with what was under way)", err=True)
        raise
    tree.show(ended, output)
    if any((w.get("status") or {}).get("phase") != "Succeeded" for w in ended):
        sys.exit(1)


@click.command()
@click.argument("name", default="@latest", shell_complete=completion.workflows)
@state_option
def watch(name: str, state: Path) -> None:
    """Show a Workflow's node tree until it ends.

    \b
    retrain watch @latest
    """
    client = Client(state)
    ended = watching.follow(client, client.workflow(name)["metadata"]["name"])
    sys.exit(0 if ended["status"]["phase"] == "Succeeded" else 1)


@click.command()
@click.argument("names", nargs=-1, required=True, shell_complete=completion.workflows)
@state_option
def wait(names: tuple[str, ...], state: Path) -> None:
    """Wait until Workflows have ended; exit 1 unless all succeed.

    \b
    retrain wait @latest
    """
    client = Client(state)
    failed = False
    for name in names:
        ended = watching.until_done(client, client.workflow(name)["metadata"]["name"])
        click.echo(f"{ended['metadata']['name']} {ended['status']['phase']}")
        failed |= ended["status"]["phase"] != "Succeeded"
    sys.exit(1 if failed else 0)


@click.command()
@click.argument("name", default="@latest", shell_complete=completion.workflows)
@click.argument("node", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on until the pods have ended.")
@click.option("-c", "--container", default="main", show_default=True)
@state_option
def logs(name: str, node: str | None, follow: bool, container: str, state: Path) -> None:
    """Print the logs of a Workflow's pods, or of one node (its display name, node name or id; the containers of a set are nodes too).

    \b
    retrain logs @latest train --follow
    """
    client = Client(state)
    workflow = client.workflow(name)
    nodes = (workflow.get("status") or {}).get("nodes", {})
    pods = [n for n in nodes.values() if n.get("type") == "Pod" or (n.get("type") == "Container" and node is not None)]
    chosen = [
        n for n in pods if node in (None, n.get("displayName"), n["name"], n["id"]) or str(n.get("displayName", "")).startswith(f"{node}(")
    ]
    if node is not None and not chosen:
        known = ", ".join(sorted({str(n.get("displayName")) for n in pods})) or "none yet"
        raise InvalidInput(f"{workflow['metadata']['name']} has no pod of a node {node!r}: there are {known}")
    chosen.sort(key=lambda n: (n.get("startedAt") or "~", n["name"]))
    for each in chosen:
        pod, of = (nodes[each["boundaryID"]], each["displayName"]) if each["type"] == "Container" else (each, container)
        query = {"podName": _pod(workflow, pod), "container": of, "follow": "true" if follow else "false"}
        prefix = "" if len(chosen) == 1 else click.style(f"{each.get('displayName')}: ", fg="cyan")
        _copy(client.stream(f"/api/v1/workflows/{{ns}}/{workflow['metadata']['name']}/log", **query), prefix)


def _pod(workflow: Doc, node: Doc) -> str:
    """The name of a node's pod."""
    from localargo import pod_name

    template = node.get("templateName") or (node.get("templateRef") or {}).get("template") or ""
    return pod_name(workflow["metadata"]["name"], node["name"], template)


def _copy(chunks: Iterator[bytes], prefix: str) -> None:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            click.echo(prefix + line.decode("utf-8", "replace"))
    if rest:
        click.echo(prefix + rest.decode("utf-8", "replace"))
