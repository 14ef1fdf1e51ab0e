"""A model of your own: one Python file beside the spec, whose text came with the spec and from nowhere else.

A function `build(params, seed)` gives anything with scikit-learn's `fit` and `predict`, which gets all rows at once. A class
`Class(params, seed)` learns by batches: `partial_fit(batch)`, `predict(batch)`, `save(folder)`, `load(folder)`, and `epoch_end(metrics)`
where it has it; `batch` is a `Batch`.
"""

from __future__ import annotations

import hashlib
import linecache
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.abc import ExecutionLoader
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from handlers.data import whole_lists
from handlers.errors import BadData, BadSpec, HandlerError
from handlers.models import model_file, scikit_learn
from handlers.models.kinds import CLASSES, NUMBERS, Estimator, Kind, Recipe
from handlers.modelspec import own_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from handlers.data import batch as data

SKOPS, XGBOOST = "model.skops", "model.ubj"
REQUIREMENTS = ("numpy", "scipy", "scikit-learn", "skops")
# types of scikit-learn that skops does not trust by itself
TRUSTED = frozenset(name for kind in scikit_learn.KINDS for name in kind.trusted)
DISTRIBUTIONS = {"sklearn": "scikit-learn", "xgboost": "xgboost-cpu", "yaml": "PyYAML", "PIL": "pillow", "cv2": "opencv-python"}


@dataclass(frozen=True, slots=True)
class Batch:
    """What a class gets. `X`: the encoded rows, csr_matrix or ndarray of (rows, width); an Arrow table of the columns where the class says
    `input = "table"`. `y`: class numbers or numbers. `weight`: None without data.weight. `group`: of a ranking the number of each row's
    list, of which a batch has all rows. In `predict` there is only `X`."""

    X: Any
    y: Any = None
    weight: Any = None
    group: Any = None


@dataclass(frozen=True, slots=True)
class File:
    """The file's text, and the name in it that makes the model."""

    path: str
    name: str
    code: str

    @property
    def module(self) -> str:
        """Two texts of one file are two modules: a champion is judged beside a challenger of changed code."""
        return f"{Path(self.path).stem.replace('-', '_')}_{hashlib.sha256(self.code.encode()).hexdigest()[:16]}"

    def line(self, name: str) -> int:
        text = f"def {name}", f"class {name}"
        return next((number for number, line in enumerate(self.code.splitlines(), 1) if line.startswith(text)), 1)

    def wrong(self, message: str, method: str = "") -> BadSpec:
        """`message`, at the line of the method, or of the function or class where it has none."""
        lines = enumerate(self.code.splitlines()[self.line(self.name) - 1 :], self.line(self.name))
        at = next((number for number, line in lines if method and line.lstrip().startswith(f"def {method}(")), self.line(self.name))
        return BadSpec(f"model.estimator: {self.path}:{at}: {message}")


@cache
def module(file: File) -> ModuleType:
    """The file, run; BadSpec names the line that cannot be."""
    made = ModuleType(file.module)
    linecache.cache[file.path] = (len(file.code), None, file.code.splitlines(keepends=True), file.path)
    with calling(file):
        sys.modules[file.module] = made
        _Text(file).exec_module(made)
    return made


class _Text(ExecutionLoader):
    """Loads the file from its text: the spec's own, which came with the spec and from nowhere else."""

    def __init__(self, file: File) -> None:
        self._file = file

    def get_source(self, fullname: str) -> str:
        return self._file.code

    def get_filename(self, fullname: str) -> str:
        return self._file.path

    def is_package(self, fullname: str) -> bool:
        return False


@contextmanager
def calling(file: File) -> Iterator[None]:
    """Call the file's code: what goes wrong in it is the file's, at the last of its lines that was run."""
    try:
        yield
    except (HandlerError, MemoryError):
        raise
    except ModuleNotFoundError as error:
        package = DISTRIBUTIONS.get(str(error.name).partition(".")[0], str(error.name).partition(".")[0])
        how = f"run `python -m pip install {package}`"
        raise BadSpec(f"model.estimator: {_at(file, error)}: it needs the package {package}, which is not installed here; {how}") from error
    except Exception as error:
        text = str(error).splitlines()[0] if str(error) else ""
        raise BadSpec(f"model.estimator: {_at(file, error)}: {type(error).__name__}: {text}"[:600]) from error


def _at(file: File, error: Exception) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file.path]
    own = error.lineno if isinstance(error, SyntaxError) and error.filename == file.path else None
    return f"{file.path}:{own or (lines[-1] if lines else file.line(file.name))}"


class Own:
    """What `build` gave, or an object of the class: `made`."""

    def __init__(self, recipe: Recipe, file: File) -> None:
        self.recipe = recipe
        self.file = file
        self.batches = recipe.kind.streams
        with calling(file):
            self.made = getattr(module(file), file.name)(dict(recipe.params), recipe.seed)
        for method in own_file.METHODS if self.batches else ("fit", "predict"):
            if not callable(getattr(self.made, method, None)):
                raise file.wrong(f"what {file.name} gives is a {type(self.made).__name__}, which has no {method}()")
        said = own_file.TABLE if recipe.kind.table else own_file.MATRIX
        if self.batches and getattr(self.made, "input", own_file.MATRIX) != said:
            raise file.wrong(f'`input = "{own_file.TABLE}"` must stand in the body of class {file.name} itself')

    @property
    def probable(self) -> bool:
        return bool(self.recipe.classes) and (self.batches or hasattr(self.made, "predict_proba"))

    @property
    def weighs(self) -> bool:
        from inspect import signature

        with calling(self.file):
            return self.batches or "sample_weight" in signature(self.made.fit).parameters

    def learn(self, batch: data.Batch) -> None:
        import numpy as np

        y = batch.y.astype(np.int64) if self.recipe.classes else batch.y
        lists = batch.cluster if self.recipe.task == "ranking" else None
        with calling(self.file):
            if self.batches:
                self.made.partial_fit(Batch(batch.X, y, batch.weight, lists))
            elif lists is not None and self._lists:
                order, numbers, sizes = whole_lists.together(lists)
                weight = {} if batch.weight is None else {"sample_weight": batch.weight[order]}
                self.made.fit(batch.X[order], y[order], **{self._lists: numbers if self._lists == "qid" else sizes}, **weight)
            else:
                self.made.fit(batch.X, y, **({} if batch.weight is None else {"sample_weight": batch.weight}))

    @property
    def _lists(self) -> str:
        """How `fit` is told of lists, in the words of XGBoost and LightGBM: `qid`, each row's list, or `group`, their sizes."""
        from inspect import signature

        taken = signature(self.made.fit).parameters
        return next((name for name in ("qid", "group") if name in taken), "")

    def epoch_end(self, metrics: dict[str, Any]) -> None:
        if callable(getattr(self.made, "epoch_end", None)):
            with calling(self.file):
                self.made.epoch_end(metrics)

    def predict(self, X: Any) -> tuple[NDArray[Any], str]:
        import numpy as np

        rows, classes = X.shape[0], self.recipe.classes
        with calling(self.file):
            score = np.asarray(self._predicted(X), dtype=np.float64)
        if self.probable and score.shape == (rows, 2) and classes == 2:
            score = score[:, 1]
        elif self.probable and score.ndim == 2 and not self.batches and hasattr(self.made, "classes_"):
            whole = np.zeros((rows, classes))
            whole[:, np.asarray(self.made.classes_, dtype=np.int64)] = score
            score = whole
        wanted = (rows, classes) if classes > 2 and self.probable else (rows,)
        if score.shape != wanted:
            raise self.file.wrong(f"predict gives the shape {score.shape} for {rows:,} rows; wanted is {wanted}", "predict")
        if not np.isfinite(score).all():
            raise self.file.wrong(
                f"predict gives {int((~np.isfinite(score)).sum()):,} values that are no numbers (NaN or infinity)", "predict"
            )
        if not classes:
            return score, "value"
        if self.probable:
            if score.min(initial=0.0) < 0 or score.max(initial=0.0) > 1:
                raise self.file.wrong("predict gives values below 0 or above 1, which are no probabilities", "predict")
            return score, "probability"
        return (score - 0.5 if classes == 2 else np.eye(classes)[score.astype(np.int64)]), "decision"

    def _predicted(self, X: Any) -> Any:
        if self.batches:
            return self.made.predict(Batch(X))
        return self.made.predict_proba(X) if self.probable else self.made.predict(X)

    def save(self, folder: Path) -> None:
        if callable(getattr(self.made, "save", None)):
            with calling(self.file):
                self.made.save(folder)
        elif _of_xgboost(self.made):
            self.made.save_model(folder / XGBOOST)
        else:
            (folder / SKOPS).write_bytes(self._skops())

    def _skops(self) -> bytes:
        from skops import io

        try:
            data = model_file.dump(self.made)
            beyond = [name for name in io.get_untrusted_types(data=data) if not trusted(self.file, name)]
        except Exception as error:
            why = f"it cannot be saved without pickle ({str(error)[:200]})"
            raise self.file.wrong(f"{why}; give it save(folder) and load(folder)") from error
        if beyond:
            why = f"it cannot be saved without pickle, for it holds {', '.join(sorted(beyond)[:3])}"
            raise self.file.wrong(f"{why}; give it save(folder) and load(folder), or a class that learns by batches")
        return data

    def digest(self) -> str:
        if not callable(getattr(self.made, "save", None)) and not _of_xgboost(self.made):
            return model_file.state_digest(self.made)
        import tempfile

        found = hashlib.sha256()
        with tempfile.TemporaryDirectory() as place:
            self.save(Path(place))
            for path in sorted(Path(place).rglob("*")):
                if path.is_file():
                    found.update(f"{path.relative_to(place).as_posix()}:{hashlib.sha256(path.read_bytes()).hexdigest()};".encode())
        return found.hexdigest()[:16]

    def finite(self) -> bool:
        return True  # `predict`, which follows, looks at every value


def _of_xgboost(made: Any) -> bool:
    return type(made).__module__.startswith("xgboost.") and hasattr(made, "save_model")


def trusted(file: File, name: str) -> bool:
    """Whether a model's file may hold this type or function: a known one of scikit-learn, or one that the spec's own file defines."""
    where, _, short = name.rpartition(".")
    if where != file.module:
        return name in TRUSTED
    return getattr(getattr(module(file), short, None), "__module__", None) == file.module


def _load(file: File) -> Callable[[Recipe, Path, str], Estimator]:
    def load(recipe: Recipe, folder: Path, where: str) -> Estimator:
        from skops import io

        made = Own(recipe, file)
        if callable(getattr(made.made, "load", None)) and callable(getattr(made.made, "save", None)):
            with calling(file):
                made.made.load(folder)
        elif (folder / XGBOOST).exists() and _of_xgboost(made.made):
            try:
                made.made.load_model(folder / XGBOOST)
            except ValueError as error:
                raise BadData(f"{where}/{XGBOOST}: not a readable model file; delete the trial's folder to train it again") from error
        else:
            data = (folder / SKOPS).read_bytes()
            try:
                names = io.get_untrusted_types(data=data)
                beyond = [name for name in names if not trusted(file, name)]
                if beyond:
                    what = f"it contains types that {file.path} does not need: {', '.join(beyond)}"
                    raise BadData(f"{where}/{SKOPS}: {what}; it is not loaded")
                found = io.loads(data, trusted=names)
            except (KeyError, ValueError, TypeError, OSError, ImportError, AttributeError) as error:
                text = f"{where}/{SKOPS}: not a readable model file ({error}); delete the trial's folder to train it again"
                raise BadData(text) from error
            if type(found) is not type(made.made):
                raise BadData(f"{where}/{SKOPS}: contains {type(found).__name__}, but {file.name} gives {type(made.made).__name__}")
            made.made = found
        return made

    return load


def kind(file: File) -> Kind:
    """The estimator of a file."""
    batches = own_file.is_class(file.code, file.name)
    return Kind(
        f"{file.path}:{file.name}",
        (*CLASSES, *NUMBERS),
        batches,
        lambda recipe: Own(recipe, file),
        _load(file),
        REQUIREMENTS,
        table=own_file.reads(file.code, file.name) == own_file.TABLE,
        lists=True,
    )
