"""What the engine's journal has about a name."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from localargo import Unavailable
from retrain.client.connect import local_engine
from retrain.client.place import Place
from retrain.project.events import ce_id, of_journal, recorded

TOLD = 200  # events of the journal that belong to one name


def about(name: str, place: Place) -> list[dict[str, Any]]:
    """Events of that id or object, and those that came to a run of that name; none where no journal can be read."""
    if not isinstance(place, Path):
        return []
    key = name.removeprefix("s3://").partition("/")[2] if name.startswith("s3://") else name
    try:
        found = _told(local_engine(place).events, name, key)
    except Unavailable:
        try:
            found = _told(partial(recorded, place), name, key)
        except Unavailable:
            return []
    return [of_journal(each) for each in {each["id"]: each for each in found}.values()]


def _told(events: Callable[..., Any], name: str, key: str) -> list[dict[str, Any]]:
    found = [] if "/" in key else [*events(TOLD, id=name)["events"], *events(TOLD, name=name)["events"]]
    # only what no JSON escapes; whose key is the whole one is seen by the handler
    plain = max(re.findall(r"[\w./-]+", key, re.ASCII), key=len, default="")
    if found or not plain:
        return found
    held: list[dict[str, Any]] = events(TOLD, contains=plain)["events"]
    return held if "/" in key else [each for each in held if ce_id(each) == name]
