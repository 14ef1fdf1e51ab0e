"""Verbs about Workflows: submit, run, list, get, watch, logs, wait."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from retrain.cli import output, tree
from retrain.cli.client import Client
from retrain.cli.options import output_option, parameters, state_option
from retrain.errors import InvalidInput, NotFound, Unavailable, refuse

Doc = dict[str, Any]
DONE = ("Succeeded", "Failed", "Error")
files = click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=True, path_type=Path))


def _load(paths: tuple[Path, ...]) -> list[Doc]:
    from retrain.render.kustomize import load

    return [document.doc for document in load(list(paths))]


def _lint(client: Client, paths: tuple[Path, ...], given: list[str]) -> None:
    """Refuse what `argo submit` would, with file and line, before anything is stored. Raises InvalidInput, Unsupported."""
    from retrain.cli.manifest_verbs import known
    from retrain.manifests.validate import check
    from retrain.render.kustomize import load

    documents = load(list(paths))
    for document in documents:
        if document.kind == "Workflow":
            _with_parameters(document.doc, given)
    refuse([f for f in check(documents, known(client, documents)) if f.severity in ("error", "unsupported")])


def _with_parameters(workflow: Doc, given: list[str]) -> Doc:
    """The Workflow with `-p` values in its arguments, as `argo submit` merges them."""
    listed = workflow.setdefault("spec", {}).setdefault("arguments", {}).setdefault("parameters", [])
    for text in given:
        name, _, value = text.partition("=")
        for parameter in listed:
            if parameter["name"] == name:
                parameter["value"] = value
                break
        else:
            listed.append({"name": name, "value": value})
    return workflow


@click.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path))
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
    documents = _load(files) if files else [_referring(str(template))]
    workflows = [_with_parameters(d, parameters(given)) for d in documents if d.get("kind") == "Workflow"]
    if not workflows:
        raise InvalidInput(f"{files[0]}: no Workflow in it; `retrain apply` stores templates and other documents")
    client = Client(state)
    if files:
        _lint(client, files, parameters(given))
    others = [d for d in documents if d.get("kind") != "Workflow"]
    if others:
        client.call("POST", "/retrain/v1/apply", {"items": others})
    created = []
    for workflow in workflows:
        if name:
            workflow["metadata"] = {**workflow.get("metadata", {}), "name": name}
        created.append(client.call("POST", "/api/v1/workflows/{ns}", {"workflow": workflow}))
    if watch_:
        for workflow in created:
            _watch(client, workflow["metadata"]["name"])
    ended = [_until_done(client, w["metadata"]["name"]) for w in created] if wait_ or watch_ else created
    _print_many(ended, output)
    if (wait_ or watch_) and any(w["status"]["phase"] != "Succeeded" for w in ended):
        sys.exit(1)


def _referring(template: str) -> Doc:
    kind, _, name = template.rpartition("/")
    if kind not in ("", "workflowtemplate") or not name:
        raise click.BadParameter(f"{template!r} is not workflowtemplate/NAME", param_hint="--from")
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": f"{name}-"},
        "spec": {"workflowTemplateRef": {"name": name}},
    }


@click.command()
@files
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

    from retrain.engine import run_files
    from retrain.render.kustomize import load

    documents = load(list(files))
    for document in documents:
        if document.kind == "Workflow":
            _with_parameters(document.doc, parameters(given))
    ended = asyncio.run(run_files(state, documents))
    _print_many(ended, output)
    if any((w.get("status") or {}).get("phase") != "Succeeded" for w in ended):
        sys.exit(1)


def _print_many(workflows: list[Doc], shape: str) -> None:
    if shape in ("json", "yaml"):
        output.emit({"apiVersion": "v1", "kind": "List", "items": workflows}, shape)
    elif shape == "name":
        for workflow in workflows:
            click.echo(workflow["metadata"]["name"])
    else:
        for i, workflow in enumerate(workflows):
            click.echo(("\n" if i else "") + "\n".join(tree.lines(workflow)))


@click.command(name="list")
@click.option("-l", "--selector", default="", metavar="LABEL=VALUE", help="Only Workflows with these labels (comma-separated).")
@click.option("--phase", "phases", multiple=True, help="Only Workflows in this phase; repeatable.")
@output_option("table", "name", "wide")
@state_option
def list_(selector: str, phases: tuple[str, ...], output: str, state: Path) -> None:
    """List Workflows, newest first.

    \b
    retrain list --phase Running
    retrain list -l retrain/trigger=upload -o name
    """
    items = (
        Client(state).call("GET", "/api/v1/workflows/{ns}", **({"listOptions.labelSelector": selector} if selector else {}))["items"] or []
    )
    wanted = dict(pair.split("=", 1) for pair in selector.split(",") if "=" in pair)
    items = [w for w in items if all((w["metadata"].get("labels") or {}).get(k) == v for k, v in wanted.items())]
    items = [w for w in items if not phases or (w.get("status") or {}).get("phase", "Pending") in phases]
    items.sort(key=lambda w: str(w["metadata"].get("creationTimestamp", "")), reverse=True)
    if output in ("json", "yaml", "name"):
        _print_many(items, output)
        return
    from retrain.cli.output import age, duration, phase, table

    rows = []
    for workflow in items:
        status, metadata = workflow.get("status") or {}, workflow["metadata"]
        row = [metadata["name"], phase(status.get("phase", "")), age(metadata.get("creationTimestamp"))]
        row += [duration(status.get("startedAt"), status.get("finishedAt")), status.get("progress", "")]
        rows.append([*row, " ".join((status.get("message") or "").split())[: 200 if output == "wide" else 60]])
    table(["NAME", "STATUS", "AGE", "DURATION", "PROGRESS", "MESSAGE"], rows)


@click.command()
@click.argument("name", default="@latest")
@output_option("wide", "name")
@state_option
def get(name: str, output: str, state: Path) -> None:
    """Show a Workflow with its node tree: phases, durations, messages.

    \b
    retrain get @latest
    retrain get retrain-flight-delay-176391234 -o json
    """
    workflow = Client(state).workflow(name)
    if output in ("json", "yaml"):
        from retrain.cli.output import emit

        emit(workflow, output)
    else:
        _print_many([workflow], output)


@click.command()
@click.argument("name", default="@latest")
@state_option
def watch(name: str, state: Path) -> None:
    """Show a Workflow's node tree until it ends.

    \b
    retrain watch @latest
    """
    client = Client(state)
    ended = _watch(client, client.workflow(name)["metadata"]["name"])
    sys.exit(0 if ended["status"]["phase"] == "Succeeded" else 1)


def _watch(client: Client, name: str) -> Doc:
    """Draws on a terminal; elsewhere prints a line for each node that changes."""
    if not sys.stdout.isatty():
        seen: dict[str, str] = {}
        last: Doc = {}
        for last in _changes(client, name):
            for node in (last.get("status") or {}).get("nodes", {}).values():
                if seen.get(node["id"]) != node.get("phase"):
                    seen[node["id"]] = node.get("phase", "")
                    click.echo(f"{node.get('phase', ''):<10} {node['name']}  {' '.join((node.get('message') or '').split())}".rstrip())
        return last
    from rich.live import Live
    from rich.text import Text

    with Live(refresh_per_second=8, transient=False) as live:
        for last in _changes(client, name):
            live.update(Text.from_ansi("\n".join(tree.lines(last))))
    return last


def _changes(client: Client, name: str) -> Iterator[Doc]:
    """The Workflow now and after each change, until it has ended."""
    workflow = client.workflow(name)
    yield workflow
    if (workflow.get("status") or {}).get("phase") in DONE:
        return
    for event in client.events("/api/v1/workflow-events/{ns}", name=name):
        told = event.get("result", event)
        if told.get("object", {}).get("metadata", {}).get("name") == name:
            if told["type"] == "DELETED":
                raise NotFound(f"workflow {name} was deleted while it was watched")
            yield told["object"]
            if (told["object"].get("status") or {}).get("phase") in DONE:
                return
    raise Unavailable(f"the engine ended before {name} did: `retrain up --state {client.state}` goes on with it")


def _until_done(client: Client, name: str) -> Doc:
    *_, last = _changes(client, name)
    return last


@click.command()
@click.argument("names", nargs=-1, required=True)
@state_option
def wait(names: tuple[str, ...], state: Path) -> None:
    """Wait until Workflows have ended; exit 1 unless all succeed.

    \b
    retrain wait @latest
    """
    client = Client(state)
    failed = False
    for name in names:
        ended = _until_done(client, client.workflow(name)["metadata"]["name"])
        click.echo(f"{ended['metadata']['name']} {ended['status']['phase']}")
        failed |= ended["status"]["phase"] != "Succeeded"
    sys.exit(1 if failed else 0)


@click.command()
@click.argument("name", default="@latest")
@click.argument("node", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on until the pods have ended.")
@click.option("-c", "--container", default="main", show_default=True)
@state_option
def logs(name: str, node: str | None, follow: bool, container: str, state: Path) -> None:
    """Print the logs of a Workflow's pods, or of one node (its display name, node name or id).

    \b
    retrain logs @latest train --follow
    """
    client = Client(state)
    workflow = client.workflow(name)
    pods = [n for n in (workflow.get("status") or {}).get("nodes", {}).values() if n.get("type") == "Pod"]
    chosen = [
        n for n in pods if node in (None, n.get("displayName"), n["name"], n["id"]) or str(n.get("displayName", "")).startswith(f"{node}(")
    ]
    if node is not None and not chosen:
        known = ", ".join(sorted(str(n.get("displayName")) for n in pods)) or "none yet"
        raise InvalidInput(f"{workflow['metadata']['name']} has no pod of a node {node!r}: there are {known}")
    chosen.sort(key=lambda n: (n.get("startedAt") or "~", n["name"]))
    for pod in chosen:
        query = {"podName": _pod(workflow, pod), "container": container, "follow": "true" if follow else "false"}
        prefix = "" if len(chosen) == 1 else click.style(f"{pod.get('displayName')}: ", fg="cyan")
        _copy(client.stream(f"/api/v1/workflows/{{ns}}/{workflow['metadata']['name']}/log", **query), prefix)


def _pod(workflow: Doc, node: Doc) -> str:
    """The name of a node's pod."""
    from retrain.workflows.status import pod_name

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
