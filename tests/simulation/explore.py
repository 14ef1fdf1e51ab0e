"""Histories by their seeds: what each found."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulation.asked import Asked, every
from tests.simulation.stand_ins import installed
from tests.simulation.world import World


@dataclass
class Explorer:
    """The quiet history of the same changes is played once."""

    asked: list[Asked]
    quiet: dict[tuple[object, ...], tuple[str, str] | None] = field(default_factory=dict)

    def champion(self, world: World) -> tuple[str, str] | None:
        """The champion of the quiet history with no rule of `trigger`: each change comes when everything before it has ended."""
        plain = next(asked for asked in self.asked if asked.name == ("plain", "trials")[len(world.asked.trials) - 1])
        key = (plain.name, *((change.key, change.content) for change in world.changes))
        if key not in self.quiet:
            self.quiet[key] = World(0, [plain], world.changes).play().champion()
        return self.quiet[key]

    def play(self, seed: int) -> tuple[World, list[str]]:
        """The history of a seed, and what was wrong with it."""
        world = World(seed, self.asked)
        quiet = self.champion(world)
        world.play()
        return world, world.wrong(quiet)


@contextmanager
def explorer() -> Iterator[Explorer]:
    with tempfile.TemporaryDirectory(prefix="retrain-") as folder, installed():
        yield Explorer(every(Path(folder)))
