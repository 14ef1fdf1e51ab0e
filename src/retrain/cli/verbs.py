"""Where each verb is: `<section>/<verb>.py` holds the command `<verb>`. Names are taken from the folders; nothing is imported for them.

A module whose name Python or click needs otherwise ends with an underscore (`list_.py`, `try_.py`), one that begins with an underscore
holds no verb. An underscore within a name stands for the hyphen of the verb (`stop_trial.py`).
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from pathlib import Path

import click

SECTIONS: Mapping[str, str] = {  # folder: title, in the order of the help
    "engine": "The engine",
    "events": "Events",
    "manifests": "Manifests",
    "workflows": "Workflows",
    "models": "Models",
}


@functools.cache
def modules() -> Mapping[str, str]:
    """The module of each verb, `<section>.<module>`, section by section."""
    found = {}
    for section in SECTIONS:
        for path in sorted((Path(__file__).parent / section).glob("[!_]*.py")):
            found[path.stem.rstrip("_").replace("_", "-")] = f"{section}.{path.stem}"
    return found


def section(verb: str) -> str:
    """The title above the verb in the help."""
    return SECTIONS[modules()[verb].partition(".")[0]]


def command(verb: str) -> click.Command:
    """The verb's command; imports its module."""
    module = modules()[verb]
    found: click.Command = getattr(importlib.import_module(f"retrain.cli.{module}"), module.rpartition(".")[2])
    return found
