"""Follows Workflows to their end: drawn on a terminal, a line for each change elsewhere."""

from __future__ import annotations

import sys
from typing import Any

import click

from retrain.client.protocol import ArgoServer
from retrain.client.workflows import changes, until_ended
from retrain.display import tree
from retrain.display.output import plain
from retrain.display.picture import Picture

Doc = dict[str, Any]


def follow(server: ArgoServer, name: str) -> Doc:
    """Show the Workflow until it has ended; the Workflow then."""
    if not sys.stdout.isatty():
        return _lines(server, name)
    last: Doc = {}
    try:
        with Picture() as picture:
            for last in changes(server, name):
                picture.show(last)
    finally:
        if last:
            click.echo("\n".join(tree.lines(last)))
    return last


def _lines(server: ArgoServer, name: str) -> Doc:
    seen: dict[str, str] = {}
    last: Doc = {}
    for last in changes(server, name):
        for node in (last.get("status") or {}).get("nodes", {}).values():
            if seen.get(node["id"]) != node.get("phase"):
                seen[node["id"]] = node.get("phase", "")
                click.echo(f"{node.get('phase', ''):<10} {plain(node['name'])}  {plain(node.get('message') or '')}".rstrip())
    return last


def ended(server: ArgoServer, names: list[str], watch: bool) -> list[Doc]:
    """The Workflows when all have ended. On Ctrl-C it says that they go on."""
    try:
        return [follow(server, name) if watch else until_ended(server, name) for name in names]
    except KeyboardInterrupt:
        each = " ".join(names)
        click.echo(f"{each}: submitted, and not stopped by Ctrl-C; `retrain wait {each}` waits, `retrain stop {each}` stops", err=True)
        raise
