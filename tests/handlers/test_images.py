"""The image of a step has what the step imports and nothing else: a whole run, each step with the packages of its own image."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import grimp
import pytest

from handlers.events import told
from handlers.events.outbox import Entry
from handlers.models.estimators import BY_LIBRARY
from handlers.modelspec.code_digests import STAGES, computed
from handlers.modelspec.parse import parse
from tests.docs.pages import blocks
from tests.handlers.events.receiving import receiving
from tests.handlers.installed import (
    ALSO_RUNS,
    KINDS,
    ROOT,
    STEPS,
    TORCH,
    Image,
    contents,
    distributions,
    install,
    layers,
    lineage,
    lock,
    stages,
)
from tests.handlers.stages.world import SPEC, changed, month

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
# imported in functions that the step does not call; the run below proves it
NOT_CALLED = {
    "fetch": {"numpy", "pyarrow", "scipy", "skops", "scikit-learn"},
    "grid": {"duckdb", "numpy", "optuna", "pyarrow", "scipy", "skops", "scikit-learn"},
    # what reads dates of a declared format in files of rows to predict for
    "evaluate": {"duckdb"},
    "promote": {"duckdb"},
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an image's code, the file with its digests included, made as the Dockerfile makes it."""
    folder = tmp_path_factory.mktemp("app")
    shutil.copytree(ROOT / "handlers", folder / "handlers", ignore=shutil.ignore_patterns("__pycache__"))
    (making,) = [line for line in stages()["code"].lines if line.startswith("RUN ")]
    (command,) = [part for part in making.removeprefix("RUN ").split("&&") if "code-digest" in part and "python" in part]
    assert command.strip() == "python -m handlers.modelspec.digests torch.txt > code-digest"
    shutil.copy(ROOT / "requirements/torch.txt", folder)
    made = subprocess.run([sys.executable, *command.split()[1:-2]], cwd=folder, env={}, capture_output=True, check=True)
    (folder / "code-digest").write_bytes(made.stdout)
    return folder


@pytest.fixture(scope="module")
def images(app: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Image]:
    packages = {layer: install(layer, tmp_path_factory.mktemp(layer)) for layer in contents()}
    return {step: Image(app, tuple(packages[layer] for layer in layers(step))) for step in (*STEPS, "grid-tpe", *KINDS)}


def test_a_whole_run_with_the_packages_of_each_image(images: dict[str, Image], tmp_path: Path) -> None:
    bucket = whole_run(images, tmp_path)
    assert "<svg" in (bucket / "runs/late/r/report.html").read_text(encoding="utf-8"), "the charts are drawn"


def whole_run(images: dict[str, Image], tmp_path: Path, other: str = "") -> Path:
    """A model is trained and promoted, each step in its image, by the spec's estimator or another one; the bucket."""
    bucket, out = tmp_path / "bucket", tmp_path / "out"
    (bucket / "incoming/late").mkdir(parents=True)
    (bucket / "incoming/late/1.csv").write_bytes(month("2013-01-01", 40))
    query = {"sql": "SELECT day, carrier, distance, late FROM incoming"}
    model = {"estimator": other, "memory": "whole"} if other else {**SPEC["model"], "params": {"loss": "log_loss", "alpha": 0.001}}
    training = {"epochs": 3 if "lightgbm" in other or "xgboost" in other else 1} if other else SPEC["training"]
    spec = changed(SPEC, search=None, model=model, data__query=query, training=training)
    text = json.dumps({"apiVersion": "retrain/v1", "kind": "Model", "metadata": {"name": "late"}, "spec": spec})

    def step(name: str, *words: str, outputs: tuple[str, ...] = (), spec: bool = True) -> list[str]:
        given = ["--model", "late", *(["--spec", (out / "spec").read_text() if (out / "spec").exists() else text] if spec else [])]
        wanted = [word for output in outputs for word in (f"--{output}-out", str(out / output))]
        begin = [*words[:1], *given, *words[1:]] if words and not words[0].startswith("--") else [*given, *words]
        images[name].python("-m", f"handlers.{name}", *begin, *wanted, RETRAIN_BUCKET=f"file://{bucket}")
        return [(out / output).read_text() for output in outputs]

    step("fetch", "spec", outputs=("spec",))
    assert step("fetch", "look", "--run", "r", "--quiet", "0s", "--at-most", "0s", "--since", "0", outputs=("quiet",)) == ["yes"]
    decision, snapshot = step("fetch", "snapshot", "--run", "r", outputs=("decision", "snapshot"))
    assert decision == "train"
    (dataset,) = step("transform", "--snapshot", snapshot, "--run", "r", outputs=("dataset",))
    (trials,) = step("grid", outputs=("trials",))
    (trial,) = json.loads(trials)
    (result,) = step("train", "--dataset", dataset, "--trial", json.dumps(trial), "--run", "r", outputs=("result",))
    (scores,) = step("evaluate", "--dataset", dataset, "--result", result, "--run", "r", outputs=("scores",))
    judging = ["judge", "--dataset", dataset, "--run", "r", "--results", json.dumps([scores]), "--decision", decision]
    (verdict, _) = step("promote", *judging, outputs=("verdict", "again"))
    assert json.loads(verdict)["outcome"] == "promoted"
    step("promote", "report", "--run", "r", "--status", "Succeeded", spec=False)
    return bucket


@pytest.mark.parametrize(("image", "sampler"), [("grid", "random"), ("grid-tpe", "tpe")])
def test_later_rounds_are_listed_with_the_packages_of_their_image(
    images: dict[str, Image], tmp_path: Path, image: str, sampler: str
) -> None:
    search = {"space": {"alpha": {"log_uniform": [1e-6, 1e-2]}}, "random": 4, "until": {"rounds": 2}, "sampler": sampler}
    tree = {"apiVersion": "retrain/v1", "kind": "Model", "metadata": {"name": "late"}, "spec": changed(SPEC, search=search)}
    begin = ["-m", "handlers.grid"]
    given = ["--model", "late", "--run", "r", "--spec", parse(json.dumps(tree)).text(), "--trials-out", str(tmp_path / "listed")]
    images[image].python(*begin, *given, RETRAIN_BUCKET=f"file://{tmp_path}")
    trials = json.loads((tmp_path / "listed").read_text())
    for number, trial in enumerate(trials):
        folder = tmp_path / f"trials/late/t{number}"
        folder.mkdir(parents=True)
        params = {**SPEC["model"]["params"], **trial["params"]}
        (folder / "result.json").write_text(json.dumps({"params": params, "valid": {"roc_auc": 0.6 + number / 100}}))
    results = json.dumps([{"trial": f"t{number}"} for number in range(4)])
    images[image].python(*begin, "next", *given, "--round", "1", "--results", results, RETRAIN_BUCKET=f"file://{tmp_path}")
    second = json.loads((tmp_path / "listed").read_text())
    assert len({each["id"] for each in (*trials, *second)}) == 8
    if sampler == "tpe":
        with pytest.raises(AssertionError, match="pip install 'retrain\\[search\\]'"):
            images["grid"].python(*begin, "next", *given, "--round", "1", "--results", results, RETRAIN_BUCKET=f"file://{tmp_path}")


def test_events_are_delivered_with_the_packages_of_their_image(images: dict[str, Image], tmp_path: Path) -> None:
    event = told.event("failed", {"model": "late", "run": "r", "outcome": "failed", "reason": "why", "at": 1.0}, {}, 0)
    (tmp_path / "outbox/late").mkdir(parents=True)
    (tmp_path / "runs/late/r").mkdir(parents=True)
    (tmp_path / "runs/late/r/result.json").write_text(json.dumps({"outcome": "failed", "at": 1.0}))
    with receiving() as receiver:
        known = json.dumps({"ops": {"url": receiver.url, "key": "0123456789abcdef"}, "chat": {"url": receiver.url}})
        for to, form in (("ops", "cloudevents"), ("chat", "slack")):
            entry = Entry(event, to, form, "failed", 1.0)
            (tmp_path / entry.key).write_text(json.dumps(entry.to_json()))
        images["fetch"].python("-m", "handlers.notify", "deliver", RETRAIN_BUCKET=f"file://{tmp_path}", RETRAIN_NOTIFY=known)
    assert sorted(map(len, receiver.taken)) == [2, len(event)]


@pytest.mark.parametrize("step", STEPS)
def test_results_have_the_same_names_as_on_the_laptop(images: dict[str, Image], step: str) -> None:
    """Whether the image has the libraries that compute them or not."""
    combinations = [(stage, libraries) for stage in STAGES for libraries in ((), *((name,) for name in BY_LIBRARY if name != TORCH))]
    script = f"""
import json
from handlers.modelspec.code_digests import code_digest
print(json.dumps([code_digest(stage, libraries) for stage, libraries in {combinations!r}]))
"""
    assert json.loads(images[step].python("-c", script)) == [computed.__wrapped__(*each) for each in combinations]


def test_every_image_knows_the_version_of_torch_that_its_own_has(app: Path) -> None:
    packages = json.loads((app / "code-digest").read_text(encoding="utf-8"))["packages"]
    assert packages[TORCH] == lock(TORCH)[TORCH].split()[0]


def test_what_is_left_of_torch_can_be_compiled_by_the_oldest_python(tmp_path: Path) -> None:
    """One of its tests is in the syntax of a later one; the byte-code of a layer is made at once, and all of it."""
    test = tmp_path / "torch/testing/_internal/py312_intrinsics.py"
    test.parent.mkdir(parents=True)
    test.write_text("def f[T](a): ...\n", encoding="utf-8")
    subprocess.run(["sh", str(ROOT / "handlers/prune.sh"), str(tmp_path)], check=True)
    assert list(tmp_path.rglob("*.py")) == []


@pytest.mark.parametrize("step", STEPS)
def test_the_bucket_is_reached_by_what_is_left_of_the_client(images: dict[str, Image], step: str) -> None:
    """And by the credentials that a cloud gives a pod."""
    script = "import boto3; [boto3.client(name, 'us-east-1', aws_access_key_id='a', aws_secret_access_key='b') for name in ('s3', 'sts')]"
    images[step].python("-c", script)


LIBRARIES = {
    "train": ["scikit-learn"],
    "evaluate": ["scikit-learn"],
    "promote": ["scikit-learn"],
    "xgboost": ["scikit-learn", "xgboost-cpu"],
    "lightgbm": ["scikit-learn", "lightgbm"],
    "boosted": [name for name in BY_LIBRARY if name != TORCH],
}


@pytest.mark.parametrize("image", LIBRARIES)
def test_every_estimator_is_in_what_is_left_of_its_library(images: dict[str, Image], image: str) -> None:
    script = f"""
from handlers.contracts import BadSpec
from handlers.models.estimators import BY_LIBRARY, installed
for library, kinds in BY_LIBRARY.items():
    for kind in kinds:
        try:
            installed(kind.path, kind.requirements)
        except BadSpec as error:
            assert library not in {LIBRARIES[image]!r}, error
            assert f"needs the package {{library}}, which is not installed here; run `python -m pip install {{library}}`" in str(error)
        else:
            assert library in {LIBRARIES[image]!r}, library
            kind.type()
"""
    images[image].python("-c", script)


@pytest.mark.parametrize(("image", "estimator"), [("xgboost", "xgboost.XGBClassifier"), ("lightgbm", "lightgbm.LGBMClassifier")])
def test_a_model_of_another_library_is_trained_judged_and_promoted_in_its_image(
    images: dict[str, Image], image: str, estimator: str, tmp_path: Path
) -> None:
    whole_run({**images, **dict.fromkeys(("train", "evaluate", "promote"), images[image])}, tmp_path, estimator)


def test_what_is_not_of_the_step_is_not_there(images: dict[str, Image]) -> None:
    """Else the tests above would prove nothing."""
    for step, absent in {"grid": "duckdb", "fetch": "pyarrow", "transform": "numpy", "train": "duckdb", "evaluate": "vl_convert"}.items():
        with pytest.raises(AssertionError, match=f"No module named '{absent}'"):
            images[step].python("-c", f"import {absent}")


# ------------------------------------------------------------------------------------------------- locks and groups


@pytest.mark.parametrize("step", [*STEPS, *KINDS])
def test_a_step_has_the_versions_of_the_laptop(step: str) -> None:
    everything = {f"{entry} {pinned}" for entry, pinned in lock("run").items()}
    assert {f"{entry} {pinned}" for entry, pinned in lock(step).items()} - everything == set()


def asked(group: str) -> set[str]:
    """The distributions that a dependency group names, those of the groups that it includes too."""
    found: set[str] = set()
    for each in PROJECT["dependency-groups"][group]:
        found |= asked(each["include-group"]) if isinstance(each, dict) else {each.lower()}
    return found


@pytest.mark.parametrize("step", STEPS)
def test_a_step_asks_for_what_it_imports_and_for_nothing_else(step: str) -> None:
    graph = grimp.build_graph("handlers", include_external_packages=True, cache_dir=None)
    found = set().union(*(graph.find_upstream_modules(f"handlers.{name}") for name in (step, *ALSO_RUNS.get(step, ()))))
    modules = {name for name in found if name.split(".")[0] not in sys.stdlib_module_names}
    of = metadata.packages_distributions()
    imported = {name.lower() for module in modules if not module.startswith("handlers") for name in of.get(module, [module])}
    libraries = {*BY_LIBRARY, "safetensors"} - {"scikit-learn"}
    others = {name for library in libraries for name in imported if name.startswith(library.split("-")[0])}
    imported = imported - NOT_CALLED.get(step, set()) - others - {"botocore"}  # a part of boto3
    # an estimator's library is imported by its name
    wanted = imported | {"scikit-learn"} if "skops" in imported else imported
    assert asked(step) == wanted
    assert not others or {name for kind in (*KINDS, TORCH) for name in asked(kind)} == asked("promote") | others


# ------------------------------------------------------------------------------------------------------- the Dockerfile


@pytest.mark.parametrize("step", [*STEPS, *KINDS, TORCH])
def test_the_layers_of_a_step_are_its_lock(step: str) -> None:
    together = [name for layer in layers(step) for name in contents()[layer]]
    assert sorted(together) == sorted(distributions(step)), "each once"


def test_steps_share_the_layers_that_they_have_in_common() -> None:
    """A layer is the same in two images when all those below it are."""
    assert layers("train") == layers("evaluate") == layers("promote")[:3]
    assert layers("transform")[:2] == layers("train")[:2]
    assert all(layers(step)[0] == layers("grid")[0] for step in STEPS)


@pytest.mark.parametrize("step", [*STEPS, *KINDS, TORCH])
def test_an_image_lists_its_packages(step: str) -> None:
    copied = [
        match for stage in lineage(step) for line in stage.lines if (match := re.match(r"COPY --from=(\w+) /sboms/(\w+)\.cdx", line))
    ][-1]
    (listed,) = [line for line in stages()[copied[1]].lines if line.startswith("RUN sh sbom.sh")]
    found = dict(re.findall(r"sh sbom\.sh (\w+) ([\w ]+?) *(?=&&|$)", listed))
    assert found[copied[2]].split() == layers(step)


@pytest.mark.parametrize("step", STEPS)
def test_an_image_is_neither_root_nor_writes(step: str) -> None:
    lines = [line for stage in lineage(step) for line in stage.lines]
    assert [line for line in lines if line.startswith("USER")] == ["USER 1000:1000"]
    assert any("PYTHONDONTWRITEBYTECODE=1" in line for line in lines)
    assert lines.index("WORKDIR /app") > next(n for n, line in enumerate(lines) if line.startswith("RUN mkdir /app")), "root owns /app"


def built(*words: str) -> list[str]:
    """What make would run."""
    return subprocess.run(["make", "-n", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()


def test_make_builds_the_image_of_every_step() -> None:
    ends = "-f handlers/Dockerfile ."
    assert sorted(built("images", "BUILDER=docker", "REGISTRY=registry.example.com/ml", "TAG=1.2")) == sorted(
        f"docker build --tag registry.example.com/ml/{step}:1.2   --target {step} {ends}" for step in STEPS
    )
    many = built("images", "BUILDER=buildah", "PLATFORMS=linux/amd64,linux/arm64", "BUILD_OPTIONS=--jobs=2")
    begins = "buildah build --layers --manifest docker.io/retrain/fetch:dev --platform linux/amd64,linux/arm64 --jobs=2"
    assert many[0] == f"{begins} --target fetch {ends}"
    assert len(many) == len(STEPS)


def test_the_commands_of_the_page_build_every_image() -> None:
    commands = [line for block in blocks(ROOT / "docs/howto/images.md") if block.language == "sh" for line in block.text.splitlines()]
    assert len(commands) == 2
    for command in commands:
        make, *words = command.split()
        assert make == "make"
        given = dict(word.split("=", 1) for word in words[1:])
        lines = built(*words, "BUILDER=docker")
        tag = f"{given.get('REGISTRY', 'docker.io/retrain')}/{{}}:{given.get('TAG', 'dev')}"
        assert [line.split()[3] for line in lines] == [tag.format(line.split("--target ")[1].split()[0]) for line in lines]
        assert len(lines) == len(STEPS)
        assert all(given.get(name, "") in line for name in ("PLATFORMS", "BUILD_OPTIONS") for line in lines)


def test_the_figures_of_the_page_are_those_that_were_measured() -> None:
    found = json.loads((ROOT / "benchmarks/results/images.json").read_text(encoding="utf-8"))
    rows = re.findall(
        r"^\| `(\w+)` \|[^|]+\| (\d+) MB \| ([\d.]+) s \|$", (ROOT / "docs/howto/images.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    expected = {step: (round(found[step]["megabytes_over_base"]), found[step]["first_line_seconds"]) for step in STEPS}
    assert {step: (int(size), float(seconds)) for step, size, seconds in rows} == expected
    assert all(found[step]["megabytes_over_base"] < found[step]["target_megabytes"] for step in STEPS)
