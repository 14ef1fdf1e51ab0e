"""A process that is taken away by a rule, as a cluster takes a pod away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from handlers.contracts import WrongUsage
from handlers.preempted import Rule, rule

ROOT = Path(__file__).parent.parent.parent
# learns batches until it is asked to stop, and says how many it had learned
PROGRAM = """
import sys, time
from handlers import preempted
from handlers.contracts import main
from handlers.models.loop import stop_flag

def run(words):
    with stop_flag() as stop:
        for batch in range(1, 1000):
            preempted.learned()
            if stop.raised or batch == 20 and words:
                print(batch)
                sys.exit(143 if stop.raised else 0)
            time.sleep(0.01)

main(run, sys.argv[1:])
"""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", None),
        ("every 20s", Rule(20, 0, False)),
        ("every 1.5m kill", Rule(90, 0, True)),
        ("at batch 7", Rule(0, 7, False)),
        ("at batch 7 kill; attempt 0", Rule(0, 7, True)),
        ("at batch 7; attempt 12", Rule(0, 7, False, first=False)),
    ],
)
def test_rules(text: str, found: Rule | None) -> None:
    assert rule(text) == found


@pytest.mark.parametrize("text", ["every", "every 20", "at batch 0", "at batch 7 die", "every 1d", "at epoch 2"])
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(WrongUsage, match="is no rule; accepted: every 20s, at batch 7"):
        rule(text)


def learn(text: str, *words: str) -> tuple[int, str]:
    environment = {**os.environ, "RETRAIN_PREEMPT": text, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", PROGRAM, *words], env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout.strip()


def test_it_is_asked_to_stop_or_killed_at_its_batch_and_only_in_the_first_attempt() -> None:
    assert learn("at batch 7; attempt 0") == (143, "7")
    assert learn("at batch 7 kill; attempt 0") == (-signal.SIGKILL, "")
    assert learn("at batch 7; attempt 1", "to the end") == (0, "20")


def test_it_is_taken_away_after_so_long_in_every_attempt() -> None:
    assert learn("every 0.2s; attempt 3")[0] == 143
    assert learn("every 0.2s kill") == (-signal.SIGKILL, "")
