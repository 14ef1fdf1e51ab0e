"""How a CSV file may be written: encodings, and formats of dates that mean one thing."""

from __future__ import annotations

import codecs
import re
from datetime import datetime
from typing import Any

DIRECTIVES = "%d %m %Y %y %b %B %H %I %M %S %p %f %j %%"
PROBE = datetime(2001, 2, 3, 14, 5, 6)  # day, month and year differ, and each could be another


def check_encoding(name: str) -> str:
    """The name of a text encoding that Python can read block by block; raises ValueError otherwise."""
    try:
        "".encode(name)
        codecs.getincrementaldecoder(name)
    except (LookupError, ValueError):
        raise ValueError(
            f"{name!r} is not a text encoding; accepted: utf-8, latin-1, cp1252, utf-16, gb18030, shift_jis and Python's others"
        ) from None
    return name


def listed(given: Any) -> Any:
    """One text as a list of it."""
    return [given] if isinstance(given, str) else given


def check_formats(formats: list[str]) -> list[str]:
    """Formats of dates that are understood and do not contradict each other; raises ValueError otherwise."""
    for form in formats:
        found = re.findall(r"%.?", form)
        foreign = next((directive for directive in found if directive not in DIRECTIVES.split()), None)
        if foreign:
            raise ValueError(f"{form!r}: {foreign!r} is not accepted; accepted: {DIRECTIVES}")
        given = set(found)
        day = "%j" in given or ("%d" in given and given & {"%m", "%b", "%B"})
        if not day or not given & {"%Y", "%y"}:
            raise ValueError(f"{form!r} gives no year, month and day; accepted: such as %d/%m/%Y or %d.%m.%Y %H:%M")
    for i, form in enumerate(formats):
        for other in formats[i + 1 :]:
            text = PROBE.strftime(form)
            if _read(text, other) not in (None, _read(text, form)):
                raise ValueError(f"{form!r} and {other!r} both take {text!r}, as different times; give the one that the files have")
    return formats


def _read(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None
