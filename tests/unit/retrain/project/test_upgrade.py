"""A new release's files come into a project, and nobody's change is lost."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from localargo import InvalidInput
from retrain.cli.loading import load
from retrain.project import brought
from retrain.project.begin import begin
from retrain.project.manifests import findings
from retrain.project.upgrade import changes
from tests.unit.retrain.cli.driver import call

LAPTOP, BUS = "overlays/laptop/kustomization.yaml", "base/eventbus/default.yaml"


@pytest.mark.parametrize(
    ("given", "now", "fresh", "kind"),
    [
        (None, None, "new", "new"),
        (None, "new", "new", None),
        (None, "mine", "new", "edited"),
        ("old", "old", "old", None),
        ("old", "old", "new", "changed"),
        ("old", "new", "new", None),  # an upgrade that was interrupted
        ("old", "mine", "old", None),
        ("old", "mine", "new", "edited"),
        ("old", None, "old", None),  # removed by a person
        ("old", None, "new", "edited"),
        ("old", "old", None, "gone"),
        ("old", "mine", None, "edited"),
        ("old", None, None, None),
    ],
)
def test_what_a_release_changes(given: str | None, now: str | None, fresh: str | None, kind: str | None) -> None:
    def named(text: str | None) -> Mapping[str, str]:
        return {} if text is None else {"f": text}

    found = list(changes({} if given is None else {"f": brought.digest(given)}, named(now), named(fresh)))
    assert [(change.kind, change.now, change.fresh) for change in found] == ([] if kind is None else [(kind, now, fresh)])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Made by an earlier release: its bus said something else, it had a file that is gone, and had not the one of the Sensors."""
    begin(tmp_path)
    monkeypatch.chdir(tmp_path)
    record = json.loads(brought.RECORD.read_text(encoding="utf-8"))
    record["version"] = "0.0.9"
    for path, text in ((BUS, "kind: Bus\n"), ("base/eventbus/gone.yaml", "kind: Gone\n")):
        Path(path).write_text(text, encoding="utf-8")
        record["files"][path] = brought.digest(text)
    shutil.rmtree("base/sensors")
    record["files"] = {path: digest for path, digest in record["files"].items() if not path.startswith("base/sensors/")}
    brought.RECORD.write_text(json.dumps(record), encoding="utf-8")
    return Path()


def texts() -> dict[str, str]:
    return {str(path): path.read_text(encoding="utf-8") for path in Path().rglob("*") if path.is_file()}


def test_the_difference_is_shown_and_nothing_written_until_somebody_says_yes(project: Path) -> None:
    before = texts()
    shown = call("upgrade")
    assert (shown.exit_code, texts()) == (1, before)
    assert shown.stderr == "nothing was written; `--yes` writes without asking\n"
    for line in (f"--- a/{BUS}", "-kind: Bus", "+kind: EventBus", "--- /dev/null", "+++ b/base/sensors/bucket.yaml", "-kind: Gone"):
        assert f"{line}\n" in shown.stdout
    written = call("upgrade", "--yes")
    assert written.exit_code == 0, written.stderr
    assert written.stdout.endswith(f"1 changed, 1 removed: the manifests are those of retrain {brought.version()} (before: 0.0.9)\n")
    fresh = brought.files()
    assert {path: text for path, text in texts().items() if path in fresh} == fresh
    assert not Path("base/eventbus/gone.yaml").exists()
    assert call("upgrade").stdout == f"nothing to write: the manifests are those of retrain {brought.version()}\n"


def test_until_then_verbs_that_run_or_check_the_manifests_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(tmp_path)
    monkeypatch.chdir(tmp_path)
    brought.RECORD.write_text('{"version": "0.0.9", "files": {}}', encoding="utf-8")
    told = f"base/ is of retrain 0.0.9, the installed {brought.version()} brings other manifests: `retrain upgrade` shows the difference"
    assert told in call("doctor").stdout
    assert [f.message for f in findings([]) if f.severity == "warning"] == [told]
    load([])
    assert capsys.readouterr().err == f"warning: {told}\n"


def test_a_file_that_both_have_changed_is_not_touched_unless_told(project: Path) -> None:
    mine = Path(BUS).read_text(encoding="utf-8") + "# mine\n"
    Path(BUS).write_text(mine, encoding="utf-8")
    before = texts()
    refused = call("upgrade", "--yes")
    assert (refused.exit_code, texts()) == (2, before)
    assert f"retrain: {BUS}: you have changed what the new release changes, too: nothing was written." in refused.stderr
    assert "-# mine\n" in refused.stdout
    kept = call("upgrade", "--yes", "--edited", "keep")
    assert kept.exit_code == 0, kept.stderr
    assert Path(BUS).read_text(encoding="utf-8") == mine
    assert call("upgrade").stdout.startswith("nothing to write")  # it was looked at once
    assert not brought.outdated(project)


def test_overwrite_takes_the_releases_file(project: Path) -> None:
    Path(BUS).write_text("mine\n", encoding="utf-8")
    taken = call("upgrade", "--yes", "--edited", "overwrite")
    assert taken.exit_code == 0, taken.stderr
    assert Path(BUS).read_text(encoding="utf-8") == brought.files()[BUS]


def test_what_only_a_person_has_changed_stays(project: Path) -> None:
    Path(LAPTOP).write_text("mine\n", encoding="utf-8")
    Path("overlays/kind/values.yaml").unlink()
    written = call("upgrade", "--yes")
    assert written.exit_code == 0, written.stderr
    assert Path(LAPTOP).read_text(encoding="utf-8") == "mine\n"
    assert not Path("overlays/kind/values.yaml").exists()


def test_elsewhere_it_says_what_makes_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused = call("upgrade")
    assert refused.exit_code == 2
    assert refused.stderr == (
        "retrain: no base/retrain.json here: `retrain init DIR` makes a project, and a clone is brought up to date by git\n"
    )


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"version": "1"}', '{"version": "1", "files": {"../../.bashrc": "d"}}'])
def test_a_record_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / brought.RECORD).write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"base/retrain\.json cannot be read .*: take back the committed one"):
        brought.recorded(tmp_path)
