"""What the program that embeds the engine decides once for all its engines: names, and the package whose modules start warm."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class WarmPackage:
    """A Python package. `python -m NAME.module` runs in a fork of a process that has imported `preload`, with `folder` as its working
    directory: the one that holds the package, by default the engine's own.

    Modules of `preload` that are not installed are skipped. The package itself is imported after the fork, so that an edited file counts.
    """

    name: str
    preload: tuple[str, ...] = ()
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """`bucket`: the name of the engine's own bucket. `variables`: the prefix of the environment variables that the engine adds to
    the AWS ones, `<prefix>_BUCKET`, `<prefix>_WEBHOOK_URL` and `<prefix>_WEBHOOK_TOKEN`. `warm`: None for none.
    """

    bucket: str = "localargo"
    variables: str = "LOCALARGO"
    warm: WarmPackage | None = None

    def variable(self, name: str) -> str:
        """The whole name of a variable that the engine adds."""
        return f"{self.variables}_{name}"


DEFAULTS = Settings()
