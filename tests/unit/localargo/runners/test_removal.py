"""What is kept of pods, and when it goes."""

from __future__ import annotations

from pathlib import Path

from tests.unit.localargo.runners.podtools import Make, sh
from tests.waiting import until


async def test_a_pod_that_is_run_again_has_a_log_of_its_own(make: Make) -> None:
    kept = make()
    await kept.run(sh("a", "echo first; exit 1"))
    await kept.pods.forget("a")
    del kept.exits["a"]
    assert await kept.log("a") == "first\n"
    await kept.run(sh("a", "echo second"))
    assert await kept.log("a") == "second\n"
    await kept.pods.close(kill=True)


async def test_what_is_kept_of_pods_goes_with_their_workflow(make: Make, tmp_path: Path) -> None:
    kept = make()
    await kept.run(sh("gone-1", "echo x", owner="gone"))
    await kept.run(sh("stays-1", "echo y", owner="stays"))
    await kept.pods.ensure(sh("gone-2", "echo up; exec sleep 60", owner="gone"))
    await until(lambda: "up" in kept.written("gone-2"))
    await kept.pods.discard("gone")
    assert [p.name for p in (tmp_path / "state/pods").iterdir()] == ["stays-1"]
    assert list(kept.exits) == ["gone-1", "stays-1"], "nobody is told how a removed pod ended"
    assert await kept.log("stays-1") == "y\n"
    await kept.pods.ensure(sh("gone-3", "echo late", owner="gone"))
    assert [p.name for p in (tmp_path / "state/pods").iterdir()] == ["stays-1"]
    del kept.exits["gone-1"]
    await kept.run(sh("gone-1", "echo again", owner="new"))
    assert await kept.log("gone-1") == "again\n"
    await kept.pods.close(kill=True)


async def test_what_a_killed_engine_did_not_remove_is_removed_by_the_next(make: Make, tmp_path: Path) -> None:
    first = make()
    await first.run(sh("gone-1", "echo x", owner="gone"))
    await first.run(sh("stays-1", "echo y", owner="stays"))
    await first.pods.ensure(sh("gone-2", "echo up; exec sleep 60", owner="gone"))
    await until(lambda: "up" in first.written("gone-2"))
    await first.pods.close(kill=False)
    second = make()
    await second.pods.start()
    assert await second.pods.keep_only({"stays"}, {"stays-1"}) == {"stays-1": "stays"}
    await until(lambda: [p.name for p in (tmp_path / "state/pods").iterdir()] == ["stays-1"])
    assert second.exits == {}
    await second.pods.close(kill=True)


async def test_a_pod_of_the_same_name_and_another_owner_is_another_pod(make: Make) -> None:
    kept = make()
    await kept.pods.ensure(sh("a", "echo old; exec sleep 60", owner="old"))
    await until(lambda: "old" in kept.written("a"))
    ended = await kept.run(sh("a", "echo new; exit 3", owner="new"))
    assert ended.containers[0].exit_code == 3
    assert await kept.log("a") == "new\n"
    await kept.pods.close(kill=True)


async def test_a_pod_that_ended_and_that_nobody_waits_for_keeps_its_log_alone(make: Make, tmp_path: Path) -> None:
    first = make()
    for name in ("awaited", "left"):
        await first.run(sh(name, "echo said", owner="w"))
    await first.pods.ensure(sh("runs", "echo up; exec sleep 60", owner="w"))
    await until(lambda: "up" in first.written("runs"))
    await first.pods.close(kill=False)
    second = make()
    await second.pods.start()
    assert sorted(await second.pods.keep_only({"w"}, {"awaited"})) == ["awaited", "left", "runs"]
    folder = tmp_path / "state/pods"
    assert sorted(p.name for p in (folder / "left").iterdir()) == ["log", "owner"]
    assert await second.log("left") == "said\n"
    assert (folder / "awaited/exit.json").exists()
    assert (folder / "runs/started.json").exists()
    await second.pods.close(kill=True)


async def test_a_removed_pod_leaves_nothing_and_one_of_another_owner_stays(make: Make, tmp_path: Path) -> None:
    kept = make()
    for name in ("a", "b"):
        await kept.run(sh(name, "echo said", owner="w"))
        await kept.pods.forget(name)
    await kept.pods.remove("a", "w")
    await kept.pods.remove("a", "w")
    await kept.pods.remove("b", "another")
    assert [p.name for p in (tmp_path / "state/pods").iterdir()] == ["b"]
    assert await kept.log("a") == ""
    await kept.pods.close(kill=True)
