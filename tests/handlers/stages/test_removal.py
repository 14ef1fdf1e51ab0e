"""What is removed is what nobody needs; what stays works on; what goes can be made again."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from handlers import model, promote, why
from handlers.contracts import WrongUsage
from handlers.explore import profile
from handlers.runs import claim, removal
from handlers.runs.champion import current
from tests.handlers.stages.world import World, month

OLD = -1.0  # days: everything is older than that


def kinds(world: World) -> dict[str, set[str]]:
    return {kind: {key.split("/")[2].removesuffix(".json") for key in world.keys(f"{kind}/late/")} for kind in removal.KINDS}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The first run makes the champion; those after it judge more data, which tells less and less."""
    folder = tmp_path_factory.mktemp("played")
    world = World(folder / "bucket", folder / "out")
    world.spec["training"]["epochs"] = 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETRAIN_BUCKET", f"file://{world.folder}")
        patch.setenv("RETRAIN_CODE_DIGEST", "c0de")
        for n, run in enumerate(("a", "b", "c")):
            world.put(f"2013-0{n + 1}.csv", month(f"2013-0{n + 1}-01", 20, rows=20, signal=1.0 - n / 2, seed=n))
            world.run(run)
    return world


@pytest.fixture
def three_runs(world: World, played: World) -> World:
    """A copy of what was played."""
    shutil.copytree(played.folder, world.folder)
    world.spec["training"]["epochs"] = 1
    return world


def removed(world: World, keep: int = 1, days: float = OLD, *, dry: bool = False) -> dict[str, Any]:
    found = removal.collected(world.store, "late", keep, days, dry=dry)
    row: dict[str, Any] = found["models"][0]
    return row


def test_champions_and_the_last_run_stay_and_work_on(three_runs: World) -> None:
    world = three_runs
    before, champion = kinds(world), world.champion()
    told = removed(world, dry=True)
    assert kinds(world) == before, "a dry run removes nothing"
    assert removed(world) == told and told["removed"]["trials"]["bytes"] > 0
    after = kinds(world)
    results = {run: world.result(run) for run in ("a", "b", "c")}
    stay = {*results["c"]["trials"], champion["trial"], *(results[champion["run"]]["trials"])}
    assert after["trials"] == stay < before["trials"]
    assert after["datasets"] == {results["c"]["dataset"], results[champion["run"]]["dataset"]} < before["datasets"]
    assert removed(world)["removed"] == {}, "there is nothing left to remove"
    assert world.run("again")["outcome"] == "already-trained"
    world.spec["promote"]["gate"]["improve_by"] = 0.0
    assert world.snapshot("redecided")[0] == "redecide"
    promote.run(world.promote_arguments("", [], "redecided", "redecide"))
    assert world.result("redecided")["trials"] == results["c"]["trials"]


def test_runs_whose_data_is_gone_are_still_told_of(three_runs: World, capsys: pytest.CaptureFixture[str]) -> None:
    removed(three_runs)
    why.run(["b"])
    assert "Run b chose trial" in capsys.readouterr().out
    why.run(["trials", "b"])
    assert len(capsys.readouterr().out.splitlines()) == 3
    promote.run(["report", "--model", "late", "--run", "b", "--status", "Succeeded", "--again-out", str(three_runs.out / "again")])
    assert b"Refused" in three_runs.store.get("runs/late/b/report.html") or three_runs.result("b")["outcome"] != "refused"
    assert [each["run"] for each in profile.of_model(three_runs.store, "late")["snapshots"]] == ["c", "a"]


def test_what_was_removed_is_made_again_under_its_name(three_runs: World) -> None:
    world = three_runs
    of_b = world.result("b")
    removed(world)
    world.store.delete("incoming/late/2013-03.csv")
    again = world.run("d")
    assert (again["dataset"], sorted(again["trials"])) == (of_b["dataset"], sorted(of_b["trials"]))
    assert world.keys(f"trials/late/{again['winner']}/model/")


def test_what_is_young_stays_and_a_run_that_is_under_way_keeps_everything(three_runs: World) -> None:
    world = three_runs
    assert removed(world, days=1)["removed"] == {}
    before = kinds(world)
    assert claim.take(world.store, "late", "busy", {}) == ""
    assert removed(world) == {"model": "late", "busy": "busy", "removed": {}}
    with pytest.raises(WrongUsage, match="run busy of late is under way"):
        removal.deleted(world.store, "late", dry=False)
    assert kinds(world) == before


def test_a_run_that_begins_ends_the_removal(three_runs: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world, looks = three_runs, iter(["", "", "new"])
    monkeypatch.setattr(removal, "LOOK_AGAIN", 1)
    monkeypatch.setattr(removal, "busy", lambda *_: next(looks))
    infos = list(world.store.list("trials/late/"))
    assert removal.remove(world.store, "late", infos) == "new"
    assert world.keys("trials/late/") == [info.key for info in infos[2:]]


def test_a_marker_goes_before_what_it_marks(three_runs: World) -> None:
    found = removal.unneeded(three_runs.store, "late", 1, OLD)
    trials: dict[str, list[str]] = {}
    for info in found["trials"]:
        trials.setdefault(info.key.split("/")[2], []).append(info.key.split("/", 3)[3])
    assert trials and all(names[0] == "result.json" for names in trials.values())
    assert found["trained"] and next(iter(found)) == "trained", "who reads that a run has trained this must find its trials"


def test_a_deleted_model_leaves_its_uploads_and_trains_anew(three_runs: World, capsys: pytest.CaptureFixture[str]) -> None:
    world = three_runs
    uploads = world.keys("incoming/")
    model.run(["delete", "late", "--dry-run"])
    assert "would be removed" in capsys.readouterr().out and current(world.store, "late").record
    model.run(["delete", "late"])
    assert "the next event or tick trains it anew" in capsys.readouterr().out
    assert world.keys("") == uploads
    with pytest.raises(WrongUsage, match="nothing of a model 'late'"):
        model.run(["delete", "late"])
    world.spec["promote"]["gate"]["at_least"] = 0.0
    first = world.run("a")
    assert (first["outcome"], first["champion"]) == ("promoted", 1)


def test_a_removal_that_is_cut_short_brings_no_champion_back(three_runs: World) -> None:
    world = three_runs
    for info in removal.whole(world.store, "late"):
        world.store.delete(info.key)
        record = current(world.store, "late").record
        if not world.keys("models/late/"):
            break
        assert record is None or record["number"] == 1
    assert current(world.store, "late").record is None
    removal.deleted(world.store, "late", dry=False)
    assert not world.keys("trials/")


def test_the_command_says_what_goes(three_runs: World, capsys: pytest.CaptureFixture[str]) -> None:
    model.run(["gc", "--keep-runs", "1", "--older-than", "-1", "--dry-run"])
    told = capsys.readouterr().out
    assert told.startswith("late: ") and "of trials (" in told and told.endswith("would be removed\n")
    with pytest.raises(WrongUsage, match="at least 1"):
        model.run(["gc", "--keep-runs", "0"])
    with pytest.raises(WrongUsage, match="no model 'ghost'"):
        model.run(["gc", "ghost"])
