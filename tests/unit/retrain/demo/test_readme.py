from pathlib import Path

import pytest

from retrain.demo import readme
from retrain.demo.transcript import Transcript

SAMPLE = """     runs
MODEL         RUN                             OUTCOME
flight-delay  retrain-flight-delay-179600730  promoted

   report  .retrain/demo/report.html
      why
Champion 1 is trial c115a45569ab332e, since 2026-11-30 02:55:35 UTC.
"""


@pytest.fixture
def state(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """What a demo leaves when it has ended."""
    transcript = Transcript(tmp_path)
    transcript.say("run", "retrain-flight-delay-179600730")
    transcript.say("runs")
    transcript.show("MODEL         RUN                             OUTCOME\nflight-delay  retrain-flight-delay-179600730  promoted\n")
    transcript.say("trials", "of retrain-flight-delay-179600730")
    transcript.show("TRIAL\nc115a45569ab332e\n")
    transcript.say("report", str(tmp_path / "report.html"))
    transcript.say("why")
    transcript.show("Champion 1 is trial c115a45569ab332e, since 2026-11-30 02:55:35 UTC.\n")
    transcript.say("done", "in 1m49s")
    assert "\x1b[" not in (tmp_path / "transcript.txt").read_text(encoding="utf-8")
    assert "trials  of retrain" in capsys.readouterr().out
    return tmp_path


def test_the_sample_is_the_end_of_the_demo_without_its_trials(state: Path) -> None:
    assert readme.sample(state) == SAMPLE


def test_the_sample_takes_the_place_of_what_the_page_shows(state: Path) -> None:
    page = state / "README.md"
    page.write_text(f"before\n{readme.BEGIN}old\n{readme.END}after\n", encoding="utf-8")
    for _ in range(2):
        readme.main(state, page)
        assert page.read_text(encoding="utf-8") == f"before\n{readme.BEGIN}{SAMPLE}{readme.END}after\n"
    assert readme.shown(page.read_text(encoding="utf-8")) == SAMPLE


def test_a_page_without_markers_is_not_touched(state: Path) -> None:
    page = state / "README.md"
    page.write_text("text\n", encoding="utf-8")
    with pytest.raises(ValueError, match="substring not found"):
        readme.main(state, page)
    assert page.read_text(encoding="utf-8") == "text\n"


def test_figures_are_compared_and_names_and_times_are_not() -> None:
    told = SAMPLE + "better by 0.0044, probability 0.781 of 12,769 rows\n"
    other = told.replace("179600730", "179600999").replace("c115a45569ab332e", "0123456789abcdef").replace("02:55:35", "11:00:00")
    assert readme.same(other.replace("0.0044", "0.0045"), told)
    assert not readme.same(other.replace("0.781", "0.9"), told)
    assert not readme.same(other.replace("12,769", "12,770"), told)
    assert not readme.same(other.replace("Champion 1", "Champion 2"), told)


def test_the_sample_of_this_repository_is_no_wider_than_100_columns() -> None:
    text = (Path(__file__).parents[4] / "README.md").read_text(encoding="utf-8")
    lines = readme.shown(text).splitlines()
    assert len(lines) > 5 and max(map(len, lines)) <= 100
