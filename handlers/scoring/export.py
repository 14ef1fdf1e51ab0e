"""The folder of an exported model: it stands alone, is the same bytes wherever it is made, and holds no pickle.

model.json        what the model is, and how it decides
schema.json       the columns that it reads, their types, and what a missing or unknown value counts as
encoder.json      what the columns become numbers by: features, and statistics of the rows that were learned from
metrics.json      its metrics on `valid`
importance.json   what each feature is worth to it
provenance.json   which run, data, code and versions it comes from
model/            what it has learned
code/             what encodes rows and predicts: the product's own modules, in one archive from which Python imports
estimator.py      the file that made the model, where that is one of your own
predict.py, MLmodel, requirements.txt, python_env.yaml
"""

from __future__ import annotations

import io
import json
import platform
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handlers.data.manifest import Dataset
from handlers.modelspec.code_digests import of_source
from handlers.modelspec.model import ModelSpec
from handlers.scoring import carried, learned
from handlers.scoring.scorer import FORMAT, Documents, encoder_of

ENCODING = ("numpy", "pyarrow", "scipy")


@dataclass(frozen=True, slots=True)
class Exported:
    """What a folder is made of. `module` of `handlers.models` has the estimator's kind; `files` are those that it saved; `libraries` are
    the distributions that read them. `table`: the model reads columns, not encoded rows."""

    model: str
    trial: str
    spec: ModelSpec
    params: Mapping[str, Any]
    dataset: Dataset
    module: str
    files: Mapping[str, bytes]
    libraries: Sequence[str]
    threshold: Mapping[str, Any] | None
    metrics: Mapping[str, Any]
    importance: Mapping[str, Any]
    provenance: Mapping[str, Any]
    table: bool = False


def documents(given: Exported) -> Documents:
    """What the model is, its columns and its encoder."""
    spec, dataset = given.spec, given.dataset
    encoder = {
        "features": [{"name": name, **feature.model_dump(mode="json")} for name, feature in dataset.features.items()],
        "statistics": {name: dataset.statistics[name] for name in dataset.features if name in dataset.statistics},
        # of what is not encoded
        **({"types": {name: dataset.schema[name] for name in dataset.features}} if given.table else {}),
    }
    model = {
        "format": FORMAT,
        "model": given.model,
        "trial": given.trial,
        "task": spec.task,
        "target": spec.data.target.column,
        "classes": classes(spec),
        "threshold": dict(given.threshold) if given.threshold else None,
        "estimator": spec.model.estimator,
        "module": given.module,
        **({"file": of_source(spec.code)} if spec.code is not None else {}),
        "params": dict(given.params),
        "seed": spec.model.seed,
        "memory": spec.model.memory,
        "batch_rows": spec.training.batch_rows,
    }
    source = spec.data.sources[spec.data.trigger]
    schema = {
        "columns": _columns(Documents(model, {}, encoder), dataset),
        "key": [name for name in spec.data.key if name not in dataset.features],
        "csv": source.csv.model_dump(mode="json"),
    }
    return Documents(model, schema, encoder)


def classes(spec: ModelSpec) -> list[Any]:
    """The classes of the target, of two the negative one first; none for a number."""
    if spec.task not in ("binary", "multiclass"):
        return []
    names = list(spec.data.target.classes or [False, True])
    positive = spec.data.target.positive
    return [name for name in names if name != positive] + [positive] if spec.task == "binary" and positive is not None else names


def _columns(found: Documents, dataset: Dataset) -> list[dict[str, Any]]:
    """The columns that are read, with what a missing value counts as; an unknown one of a category is as good as missing."""
    becomes = encoder_of(found).missing()
    return [
        {"name": name, "type": dataset.schema[name], "feature": feature.type, "missing": becomes[name]}
        for name, feature in dataset.features.items()
        if feature.serve
    ]


def folder(given: Exported, installed: Callable[[Sequence[str]], Mapping[str, str]]) -> dict[str, bytes]:
    """The files of the folder by their paths in it; `installed` gives the versions of distributions."""
    found = documents(given)
    name, code = carried.carried(given.module)
    versions = installed(sorted({*ENCODING, *given.libraries, *_more(given)}))
    texts = {
        "model.json": _json(found.model),
        "schema.json": _json(found.schema),
        "encoder.json": _json(found.encoder),
        "metrics.json": _json(given.metrics),
        "importance.json": _json(given.importance),
        "provenance.json": _json(given.provenance),
        "requirements.txt": "".join(f"{package}=={version}\n" for package, version in versions.items()),
        "python_env.yaml": f"python: {platform.python_version()}\nbuild_dependencies: [pip]\ndependencies: [-r requirements.txt]\n",
        "MLmodel": _mlmodel(name),
        "predict.py": carried.script(name),
    }
    files = {path: text.encode() for path, text in texts.items()} | {f"model/{path}": data for path, data in given.files.items()}
    if given.spec.code is not None:
        files[learned.FILE] = given.spec.code.encode()
    return dict(sorted({**files, f"code/{name}.zip": _archive(name, code)}.items()))


def _more(given: Exported) -> list[str]:
    """What only some encodings need."""
    text = any(feature.type == "text" for feature in given.dataset.features.values())
    dates = given.spec.data.sources[given.spec.data.trigger].csv.dates
    return [*(["scikit-learn"] if text else []), *(["duckdb"] if dates else [])]


def _archive(name: str, code: Mapping[str, str]) -> bytes:
    """The same bytes for the same code: nothing is compressed, and no entry has a time."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path, text in code.items():
            archive.writestr(zipfile.ZipInfo(f"{name}/{path}"), text)
    return packed.getvalue()


def _mlmodel(name: str) -> str:
    """MLflow's description: its function `python_function`, which takes `proba`."""
    proba = [{"name": "proba", "type": "boolean", "default": False, "shape": None}]
    return (
        "flavors:\n"
        "  python_function:\n"
        f"    code: code/{name}.zip\n"
        "    env: {virtualenv: python_env.yaml}\n"
        f"    loader_module: {name}.{carried.LOADER.removesuffix('.py').replace('/', '.')}\n"
        f"    python_version: {platform.python_version()}\n"
        "signature:\n"
        "  inputs: null\n"
        "  outputs: null\n"
        f"  params: '{json.dumps(proba)}'\n"
    )


def _json(value: Any) -> str:
    """JSON for people; a mapping keeps its order."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
