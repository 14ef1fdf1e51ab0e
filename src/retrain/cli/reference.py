"""The page docs/reference/commands.md, from the commands themselves: `python -m retrain.cli.reference` prints it."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import cleandoc

import click

from retrain.cli import cli

HEAD = """# Commands

`python -m retrain.cli.reference > docs/reference/commands.md` writes this page.

Exit codes are the same for every verb: 0 done, 1 failed, 2 wrong usage or invalid input, 3 refused as unsupported, 130 on Ctrl-C.
`@latest` stands for the Workflow that was created last, or, where a verb asks about a run of a model, for the last of these.
`--state`, `--context` and `--namespace` may also stand before the verb. `-h` prints a verb's help.
"""


def page() -> str:
    """Every verb with its usage, what it does, its example and its options."""
    context = click.Context(cli, info_name="retrain")
    return HEAD + "".join(f"\n{section}" for name in cli.list_commands(context) for section in _sections(context, name, cli))


def _sections(parent: click.Context, name: str, group: click.Group) -> Iterator[str]:
    command = group.get_command(parent, name)
    if command is None:
        return
    context = click.Context(command, info_name=name, parent=parent)
    yield _section(command, context)
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            yield from _sections(context, below, command)


def _section(command: click.Command, context: click.Context) -> str:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    text, _, example = cleandoc(command.help or "").partition("\b\n")
    lines = [f"## {context.command_path}", "", "```", usage, "```", "", text.strip(), ""]
    if example:
        lines += ["```sh", example.rstrip(), "```", ""]
    rows = [parameter.get_help_record(context) for parameter in command.params if isinstance(parameter, click.Option)]
    found = [row for row in rows if row is not None]
    if found:
        lines += ["| option | meaning |", "|---|---|"]
        lines += [f"| `{_cell(option)}` | {_cell(told)} |" for option, told in found]
        lines.append("")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    click.echo(page(), nl=False)
