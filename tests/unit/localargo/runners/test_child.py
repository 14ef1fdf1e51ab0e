"""Warm containers: `python -m jobs.<name>` in a process forked from one that has the heavy libraries imported."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from localargo.ports import Artifact, ArtifactLocation, Container, OutputParameter
from localargo.runners.child import NotStarted, search
from localargo.settings import WarmPackage
from tests.unit.localargo.runners.podtools import Make, hosts_of, pod
from tests.waiting import until

Warm = Callable[[dict[str, str]], Awaitable[dict[str, tuple[int, str]]]]


def handler(tmp_path: Path, name: str, source: str) -> None:
    """Write `jobs/<name>.py` into the folder that the engine runs in."""
    folder = tmp_path / "jobs"
    folder.mkdir(exist_ok=True)
    (folder / "__init__.py").touch()
    (folder / f"{name}.py").write_text(source)


async def test_a_variable_above_the_kernels_limit_is_refused_though_nothing_is_executed(make: Make, tmp_path: Path) -> None:
    handler(tmp_path, "long", "print('ran')")
    kept = make()
    for size, code in ((131072 - len("V=") - 1, 0), (131072, 64)):
        ended = await kept.run(pod(f"p{size}", "python", "-m", "jobs.long", env={"V": "x" * size}))
        assert ended.containers[0].exit_code == code
    assert ended.containers[0].message == "failed to start command: fork/exec python: argument list too long"


async def test_a_warm_pod_from_arguments_to_outputs(make: Make, tmp_path: Path) -> None:
    source = """
import json, os, sys
if __name__ == "__main__":
    from pathlib import Path
    options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
    Path(options["--out"]).write_text(Path(options["--in"]).read_text().upper())
    print(json.dumps([os.getcwd(), sorted(os.environ), sys.argv[0], sys.argv[-1], "sklearn" in sys.modules]))
    print("log", file=sys.stderr)
    sys.exit(65)
    import sklearn
"""
    handler(tmp_path, "shout", source)
    kept = make()
    spec = pod(
        "a",
        *("python", "-m", "jobs.shout", "--in", "/in/f", "--out", "/out/deep/o", "--eq=/in/f"),
        inputs=[Artifact("f", "/in/f", ArtifactLocation("raw", data="quiet"))],
        output_parameters=[OutputParameter("o", "/out/deep/o")],
        capture_result=True,
        env={"MINE": "1"},
    )
    ended = await kept.run(spec)
    assert ended.containers[0].exit_code == 65, await kept.log("a")
    left = await kept.pods.collect(spec)
    assert left.parameters == {"o": "QUIET"}
    threads = ["MKL_NUM_THREADS", "OMP_NUM_THREADS", "OMP_WAIT_POLICY", "OPENBLAS_NUM_THREADS"]
    expected = sorted(["HOME", "LANG", "MINE", "PATH", "TMPDIR", *threads])
    name = str(tmp_path / "jobs/shout.py")
    assert (
        left.result
        == f'["{tmp_path}", {str(expected).replace(chr(39), chr(34))}, "{name}", "--eq={tmp_path}/state/pods/a/root/in/f", true]'
    )
    assert "log\n" in await kept.log("a")
    await kept.pods.close(kill=True)
    assert hosts_of(tmp_path / "state") == []


SAYS = "failed to start command: fork/exec {}: argument list too long"


@pytest.mark.parametrize(
    "words", [{"env": {"MINE": "x" * (131072 - len("MINE="))}}, {"args": ["x" * 120_000] * 18}], ids=["variable", "all together"]
)
async def test_a_forked_handler_takes_no_longer_list_of_arguments_than_a_program(make: Make, tmp_path: Path, words: dict[str, Any]) -> None:
    handler(tmp_path, "idle", "print('ran')")
    env, args = words.get("env", {}), words.get("args", [])
    kept = make()
    ended = {
        name: (await kept.run(pod(name, *command, *args, env=env))).containers[0]
        for name, command in (("forked", ("python", "-m", "jobs.idle")), ("program", ("/bin/true",)))
    }
    assert {name: end.exit_code for name, end in ended.items()} == {"forked": 64, "program": 64}
    assert SAYS.format("/bin/true") in str(ended["program"])
    assert re.search(SAYS.format(r"\S*python3?"), str(ended["forked"]))
    assert "ran" not in await kept.log("forked")


async def test_a_forked_handler_takes_all_that_a_program_takes(make: Make, tmp_path: Path) -> None:
    handler(tmp_path, "idle", "print('ran')")
    kept, env, args = make(), {"MINE": "x" * (131071 - len("MINE="))}, ["x" * 100_000] * 17
    for name, command in (("forked", ("python", "-m", "jobs.idle")), ("program", ("/bin/true",))):
        assert (await kept.run(pod(name, *command, *args, env=env))).containers[0].exit_code == 0, await kept.log(name)


@pytest.fixture
def warm(make: Make, tmp_path: Path) -> Warm:
    """Runs handler sources one after another in one warm host, and gives their exit codes and logs."""

    async def run(sources: dict[str, str]) -> dict[str, tuple[int, str]]:
        kept = make()
        for name, source in sources.items():
            handler(tmp_path, name, source)
        await asyncio.gather(*(kept.pods.ensure(pod(name, "python", "-m", f"jobs.{name}")) for name in sources))
        found = {name: ((await kept.ended(name)).containers[0].exit_code, await kept.log(name)) for name in sources}
        await kept.pods.close(kill=True)
        return found

    return run


async def test_exit_codes_as_the_interpreter_gives_them(warm: Warm) -> None:
    found = await warm(
        {
            "falls_off": "print('x')",
            "exits": "raise SystemExit(75)",
            "exits_none": "raise SystemExit",
            "exits_text": "raise SystemExit('because')",
            "raises": "raise ValueError('boom')",
            "killed": "import os; os.kill(os.getpid(), 9)",
            "term": "import os; os.kill(os.getpid(), 15)",
            "at_exit": "import atexit; atexit.register(print, 'bye')",
            "threads": "import threading, time; threading.Thread(target=lambda: (time.sleep(0.1), print('late'))).start()",
            "syntax": "def",
            "large": "raise SystemExit(256 + 3)",
        }
    )
    codes = {name: code for name, (code, _) in found.items()}
    assert codes == {
        "falls_off": 0,
        "exits": 75,
        "exits_none": 0,
        "exits_text": 1,
        "raises": 1,
        "killed": 137,
        "term": 143,
        "at_exit": 0,
        "threads": 0,
        "syntax": 1,
        "large": 3,
    }
    assert found["at_exit"][1] == "bye\n"
    assert found["threads"][1] == "late\n"
    assert "ValueError: boom" in found["raises"][1]
    assert found["exits_text"][1] == "because\n"


async def test_children_of_one_parent_draw_different_random_numbers(warm: Warm) -> None:
    source = "import random, numpy; print(random.random(), numpy.random.rand())"
    found = await warm({f"draw{i}": source for i in range(3)})
    assert len({number for _, log in found.values() for number in log.split()}) == 6


async def test_libraries_compute_in_forked_children(warm: Warm) -> None:
    sources = {
        "duck": "import duckdb; print(duckdb.sql('select 6 * 7').fetchall()[0][0])",
        "boost": "import numpy as np; from sklearn.ensemble import HistGradientBoostingRegressor as H; x = np.arange(400.).reshape(-1, 1); "
        "print(H(max_iter=5).fit(x, x[:, 0]).predict(x[:1]).shape)",
        "arrow": "import pyarrow as pa, pyarrow.compute as pc; print(pc.sum(pa.array(range(10)).cast('int64')))",
        "blas": "import numpy as np; print(int((np.ones((300, 300)) @ np.ones((300, 300)))[0, 0]))",
    }
    found = await warm(sources)
    assert {name: log for name, (_, log) in found.items()} == {"duck": "42\n", "boost": "(1,)\n", "arrow": "45\n", "blas": "300\n"}


async def test_an_edited_handler_counts(make: Make, tmp_path: Path) -> None:
    kept = make()
    for text in ("one", "another"):  # a different length: the interpreter's own caches tell sources by that and by the second
        handler(tmp_path, "edited", f"print('{text}')")
        await kept.run(pod(text, "python", "-m", "jobs.edited"))
        assert await kept.log(text) == f"{text}\n"
    await kept.pods.close(kill=True)


async def test_shared_memory_of_the_parent_is_not_counted(make: Make, tmp_path: Path) -> None:
    """The parent's libraries alone are above this limit; the child's own memory is below it until it takes more."""
    handler(tmp_path, "small", "import time; time.sleep(0.6)")
    handler(tmp_path, "grows", "x = bytearray(300 << 20); import time; time.sleep(60)")
    kept = make()
    limit = 96 << 20
    assert (await kept.run(pod("small", "python", "-m", "jobs.small", memory_bytes=limit))).containers[0].exit_code == 0
    main = (await kept.run(pod("grows", "python", "-m", "jobs.grows", memory_bytes=limit))).containers[0]
    assert (main.exit_code, main.reason) == (137, "OOMKilled")
    await kept.pods.close(kill=True)


async def test_a_handler_of_the_standard_library_needs_no_large_parent(make: Make, tmp_path: Path) -> None:
    handler(tmp_path, "small", "import json, sys; print('numpy' in sys.modules, sys.argv[1:]); raise SystemExit(9)")
    kept = make()
    ended = await kept.run(pod("a", "python", "-m", "jobs.small", "--x", "1"))
    assert (ended.containers[0].exit_code, await kept.log("a")) == (9, "False ['--x', '1']\n")
    assert len(hosts_of(tmp_path / "state")) == 1
    await kept.pods.close(kill=True)


@pytest.mark.parametrize("package", [None, WarmPackage("others", ("numpy",))])
async def test_a_module_of_another_package_runs_isolated_and_does_not_see_the_working_directory(
    make: Make, tmp_path: Path, package: WarmPackage | None
) -> None:
    handler(tmp_path, "hello", "")
    kept = make(warm=package)
    ended = await kept.run(pod("a", "python", "-m", "jobs.hello"))
    assert ended.containers[0].exit_code == 1
    assert "No module named 'jobs'" in await kept.log("a")
    await kept.pods.close(kill=True)


async def test_a_package_that_lies_elsewhere_is_run_there(make: Make, tmp_path: Path) -> None:
    elsewhere = tmp_path / "site-packages/product"
    elsewhere.mkdir(parents=True)
    handler(elsewhere, "where", "import os, numpy; print(os.getcwd())")
    kept = make(warm=WarmPackage("jobs", ("numpy",), elsewhere))
    forked = await kept.run(pod("a", "python", "-m", "jobs.where"))
    assert (forked.containers[0].exit_code, await kept.log("a")) == (0, f"{elsewhere}\n")
    await kept.pods.close(kill=True)


async def test_another_list_of_modules_means_another_host(make: Make, tmp_path: Path) -> None:
    handler(tmp_path, "shows", "import sys, duckdb; print('sklearn' in sys.modules)")
    for name, preload, loaded in (("a", ("sklearn",), True), ("b", ("duckdb",), False)):
        kept = make(warm=WarmPackage("jobs", preload))
        await kept.pods.start()
        await kept.run(pod(name, "python", "-m", "jobs.shows"))
        assert await kept.log(name) == f"{loaded}\n"
        await kept.pods.close(kill=False)


async def test_a_warm_pod_ends_with_its_host(make: Make, tmp_path: Path) -> None:
    handler(tmp_path, "sleeps", "import time; print('up', flush=True); time.sleep(60)")
    kept = make()
    await kept.pods.ensure(pod("a", "python", "-m", "jobs.sleeps"))
    await until(lambda: kept.written("a"))
    os.kill(hosts_of(tmp_path / "state")[0], 9)
    assert (await kept.ended("a")).lost
    await kept.pods.close(kill=True)


def test_search_says_what_argo_says(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    (tmp_path / "tool").touch(mode=0o755)
    assert search("tool", f"/no/such:{tmp_path}") == str(tmp_path / "tool")
    assert search(str(tmp_path / "tool"), "") == str(tmp_path / "tool")
    for name, words in (
        ("plain", "executable file not found in $PATH"),
        (f"{tmp_path}/plain", "permission denied"),
        (str(tmp_path), "is a directory"),
    ):
        with pytest.raises(NotStarted, match=words.replace("$", r"\$")):
            search(name, str(tmp_path))


async def test_a_script_without_an_interpreter_is_run_itself(make: Make) -> None:
    kept = make()
    source = "#!/bin/sh\nprintf %s ran > /tmp/o\n"
    main = Container("main", "i", ["sh", "-c"], script=source)
    spec = pod("a", containers=[main], output_parameters=[OutputParameter("o", "/tmp/o")])
    assert (await kept.run(spec)).containers[0].exit_code == 0
    assert (await kept.pods.collect(spec)).parameters == {"o": "ran"}
