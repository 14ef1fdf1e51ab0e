"""Names of container images, as a spec may give them."""

from __future__ import annotations

import re

PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
REGISTRY = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]+)?/)?"
TAG, DIGEST = r"\w[\w.-]{0,127}", r"sha256:[0-9a-f]{64}"
NAME = re.compile(rf"{REGISTRY}{PART}(?:/{PART})*(?::(?P<tag>{TAG}))?(?:@(?P<digest>{DIGEST}))?", re.ASCII)


def check_image(text: str) -> str:
    """The name of an image itself, with its tag or digest; raises ValueError."""
    found = NAME.fullmatch(text)
    example = "registry.example.com/team/churn:1.2, or a name with @sha256: and 64 digits"
    if found is None:
        raise ValueError(f"{text!r} is not the name of an image; accepted: {example}")
    if found["tag"] is None and found["digest"] is None:
        raise ValueError(f"{text!r} has no tag and no digest, so that it could be another image each time; accepted: {example}")
    return text
