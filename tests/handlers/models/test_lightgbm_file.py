"""A damaged model file of LightGBM, whose checksum was forged as well, is refused: it must not end the process that reads it."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from handlers.contracts import BadData
from handlers.models import lightgbm, saved
from handlers.models.kinds import Recipe
from tests.handlers.models.making import recipe
from tests.handlers.models.test_contract import LGB, learned, rows

ROOT = Path(__file__).parents[3]


def multiclass() -> Recipe:
    return recipe(LGB, "multiclass", {"num_leaves": 7}, memory="whole")


def files() -> dict[str, bytes]:
    of = multiclass()
    return saved.files(learned(of.kind.make(of), "multiclass"))


def forged(text: str) -> dict[str, bytes]:
    data = text.encode()
    return {lightgbm.FILE: data, lightgbm.SUM: hashlib.sha256(data).hexdigest().encode()}


def damaged(text: str, seed: int = 1) -> Iterator[str]:
    chance = random.Random(seed)
    lines = text.splitlines(keepends=True)
    for _ in range(60):
        yield text[: chance.randrange(len(text))]
        at = chance.randrange(len(text))
        yield text[:at] + chance.choice("0123456789-=. \n\0e") + text[at + 1 :]
        line = chance.randrange(len(lines))
        yield "".join([*lines[:line], *lines[line + 1 :]])
        yield "".join([*lines[:line], *lines[line:][:5] * 2, *lines[line + 5 :]])
        words = lines[line].split(" ")
        words[chance.randrange(len(words))] = chance.choice(["99", "-99", "4294967296", "x", ""])
        yield "".join([*lines[:line], " ".join(words), *lines[line + 1 :]])


def play(place: str) -> None:
    """Load each damaged file and predict with those that are loaded all the same; how many were refused."""
    asked, refused = np.asarray(rows("multiclass", 99).X.toarray()), 0
    found = list(damaged(Path(place).read_text(encoding="utf-8")))
    for text in found:
        try:
            saved.loaded(multiclass(), forged(text), "here").predict(asked)
        except BadData:
            refused += 1
    print(refused, "of", len(found))


def test_no_damage_ends_the_process(tmp_path: Path) -> None:
    whole = tmp_path / "model.txt"
    whole.write_bytes(files()[lightgbm.FILE])
    code = f"from {__name__} import play; play({str(whole)!r})"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    refused, count = map(int, ended.stdout.split(" of "))
    assert count == 300
    assert 150 < refused < count


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("\nend of parameters", "", "its end is damaged"),
        ("max_feature_idx=4", "max_feature_idx=400", "its beginning is damaged"),
        ("num_tree_per_iteration=3", "num_tree_per_iteration=1", "a round of it has not 3 trees"),
        ("\nTree=0\n", "\nTree=7\n", "tree 0 is damaged"),
        ("\nleft_child=", "\nleft_child=1 ", "tree 0 is damaged"),
        ("num_cat=0", "num_cat=1", "tree 0 is of a kind that is not made here"),
        ("\nsplit_feature=0", "\nsplit_feature=9", "tree 0 asks for a column that is not there"),
        ("\nright_child=", "\nright_child=-", "tree 0 has branches that lead nowhere"),
        ("end of trees", "Tree=99\nend of trees", "it has more trees than it says"),
    ],
)
def test_what_is_wrong_is_said(old: str, new: str, why: str) -> None:
    text = files()[lightgbm.FILE].decode()
    assert old in text
    changed = text.replace(old, new, 1)
    grown = len(changed) - len(text)
    if old.startswith("\n") and why.startswith("tree") and grown:  # the tree is as long as the file says
        sizes = text.partition("tree_sizes=")[2].split()[0]
        changed = changed.replace(f"tree_sizes={sizes} ", f"tree_sizes={int(sizes) + grown} ", 1)
    with pytest.raises(BadData, match=rf"model\.txt: not a readable model file \({why}"):
        saved.loaded(multiclass(), forged(changed), "here")
