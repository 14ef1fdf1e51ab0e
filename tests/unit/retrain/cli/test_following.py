import re
from pathlib import Path

import click
from hypothesis import given
from hypothesis import strategies as st

from retrain.display.picture import fit
from tests.unit.retrain.cli.driver import Engine, screen, shell

ERASE = "\x1b[2K"


def test_on_a_terminal_the_tree_is_redrawn_and_its_end_stays(engine: Engine) -> None:
    name = engine.submit(shell("sleep 0.3"))
    code, told = screen(100, 30, "", "watch", name, "--state", str(engine.state))
    assert code == 0
    drawings = told.split(ERASE)
    assert len(drawings) > 1
    assert "\x1b[" in drawings[-1]
    assert click.unstyle(engine.ok("get", name)).splitlines()[-1] == click.unstyle(drawings[-1]).splitlines()[-1]
    assert "Status:     ✔ Succeeded" in click.unstyle(drawings[-1])


def test_ctrl_c_leaves_the_last_picture_and_says_that_the_workflow_goes_on(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(shell("sleep 60", "long"), encoding="utf-8")
    code, told = screen(100, 30, "● Running", "submit", str(file), "--watch", "--state", str(engine.state))
    assert code == 130
    name = re.findall(r"long-\w+", told)[-1]
    last = click.unstyle(told.split(ERASE)[-1])
    assert "Status:     ● Running" in last
    assert f"{name}: submitted, and not stopped by Ctrl-C" in last
    assert engine.json("get", name)["status"]["phase"] == "Running"
    engine.ok("terminate", name)


def test_a_narrow_terminal_cuts_lines_and_a_short_one_leaves_out_what_is_over(engine: Engine, finished: str) -> None:
    code, told = screen(20, 6, "", "watch", finished, "--state", str(engine.state))
    assert code == 0
    picture = [line for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", told.split(ERASE)[0]).splitlines() if line]
    assert picture[0].startswith("Name:")
    assert all(len(line) <= 20 for line in picture)
    assert any(line.endswith("…") for line in picture)
    assert "more lines" in told.split(ERASE)[0]


def test_run_shows_on_standard_error_how_far_it_is(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(shell("sleep 0.6"), encoding="utf-8")
    code, told = screen(100, 30, "", "run", str(file), "--state", str(tmp_path / "s"), "-o", "name")
    assert code == 0
    assert "● Running" in click.unstyle(told)
    assert re.fullmatch(r"shell-\w+\n", click.unstyle(told.split(ERASE)[-1]))


def test_ctrl_c_of_run_says_what_goes_on_with_it(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(shell("sleep 60"), encoding="utf-8")
    code, told = screen(100, 30, "● Running", "run", str(file), "--state", str(tmp_path / "s"))
    assert code == 130
    assert f"stopped (`retrain up --state {tmp_path / 's'}` goes on with what was under way)" in told


@given(st.lists(st.sampled_from(["✔ done", "├─ ○ skipped", "│  └─ ● runs", "✖ failed", "Name: x"]), max_size=30), st.integers(1, 40))
def test_a_fitted_picture_is_never_too_high_and_tells_how_much_it_leaves_out(lines: list[str], height: int) -> None:
    kept = fit(lines, height)
    if len(lines) <= height:
        assert kept == lines
        return
    assert len(kept) == height
    number = re.match(r"… (\d+) more lines", kept[-1])
    assert number
    assert len(kept) - 1 + int(number[1]) == len(lines)
    over = ("✔", "├─ ○")
    if any(line.startswith(over) for line in kept[:-1]):
        assert sum(not line.startswith(over) for line in kept[:-1]) == sum(not line.startswith(over) for line in lines)
