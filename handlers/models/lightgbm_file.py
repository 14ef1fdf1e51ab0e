"""LightGBM's model file, looked through before LightGBM reads it.

Of a damaged file LightGBM raises no error: it ends the process, when it reads it or when it predicts. So what is handed to it has every
tree that its first lines count, each as long as they say, with columns and branches that are there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

END = "end of trees\n"
# what follows the trees
REST = re.compile(
    r"\nfeature_importances:\n([^\s=]+=\d+\n)*\nparameters:\n(\[\w+: [^\[\]\n]*\]\n)*\nend of parameters\n\npandas_categorical:null\n"
)
WHOLE = re.compile(r"-?\d{1,9}")
NUMBER = re.compile(r"-?(\d+(\.\d+)?(e[-+]?\d+)?|inf|nan)")
COLUMNS = ("feature_names", "feature_infos")
NUMBERS = ("split_gain", "threshold", "internal_value", "internal_weight", "internal_count")
CATEGORICAL = 1  # the bit of a decision that asks for a set of categories, which no model here has


def check(text: str, classes: int) -> None:
    """Raise ValueError where the file is not whole. `classes` is how many trees a round has."""
    if "\0" in text:
        raise ValueError("it is no text")
    first, _, rest = text.partition("\n\n")
    title, _, lines = first.partition("\n")
    head = _Pairs("its beginning", lines)
    sizes, columns = head.whole("tree_sizes"), head.one("max_feature_idx") + 1
    if title != "tree" or any(len(head.words(name)) != columns for name in COLUMNS):
        raise ValueError("its beginning is damaged")
    if (head.one("num_class"), head.one("num_tree_per_iteration")) != (classes, classes) or not sizes or len(sizes) % classes:
        raise ValueError(f"a round of it has not {classes} trees")
    at = 0
    for number, size in enumerate(sizes):
        if size < 0:
            raise ValueError(f"tree {number} is damaged")
        _check_tree(number, rest[at : at + size], columns)
        at += size
    if not rest.startswith(END, at):
        raise ValueError("it has more trees than it says")
    if REST.fullmatch(rest, at + len(END)) is None:
        raise ValueError("its end is damaged")


def _check_tree(number: int, text: str, columns: int) -> None:
    where = f"tree {number}"
    first, _, lines = text.partition("\n")
    if first != f"Tree={number}" or not lines.endswith("\n\n\n"):
        raise ValueError(f"{where} is damaged")
    tree = _Pairs(where, lines)
    leaves = tree.one("num_leaves")
    if leaves < 1 or tree.one("num_cat") or tree.one("is_linear"):
        raise ValueError(f"{where} is of a kind that is not made here")
    tree.numbers("shrinkage", 1)
    tree.numbers("leaf_value", leaves)
    if leaves == 1:
        return
    tree.numbers("leaf_weight", leaves)
    tree.numbers("leaf_count", leaves)
    for name in NUMBERS:
        tree.numbers(name, leaves - 1)
    split, how = tree.whole("split_feature", leaves - 1), tree.whole("decision_type", leaves - 1)
    if not all(0 <= column < columns for column in split) or not all(0 <= each < 16 and not each & CATEGORICAL for each in how):
        raise ValueError(f"{where} asks for a column that is not there")
    _check_branches(where, tree.whole("left_child", leaves - 1), tree.whole("right_child", leaves - 1))


def _check_branches(where: str, left: Sequence[int], right: Sequence[int]) -> None:
    """Each decision but the first, and each leaf (-1, -2, ...), follows exactly one decision, and none an earlier one."""
    ends = sorted([*left, *right])
    later = all(child < 0 or child > place for branch in (left, right) for place, child in enumerate(branch))
    if ends != [*range(-len(left) - 1, 0), *range(1, len(left))] or not later:
        raise ValueError(f"{where} has branches that lead nowhere")


class _Pairs:
    """Lines of `name=words`."""

    def __init__(self, where: str, lines: str) -> None:
        self._where = where
        pairs = [line.split("=") for line in lines.splitlines() if line]
        self._found = {pair[0]: pair[1].split() for pair in pairs if len(pair) == 2}
        if len(self._found) != len(pairs):
            raise ValueError(f"{where} is damaged")

    def words(self, name: str) -> list[str]:
        return self._found.get(name, [])

    def numbers(self, name: str, count: int) -> None:
        """Raise ValueError unless there are so many numbers."""
        words = self.words(name)
        if len(words) != count or not all(map(NUMBER.fullmatch, words)):
            raise ValueError(f"{self._where} is damaged: {name}")

    def whole(self, name: str, count: int | None = None) -> list[int]:
        words = self.words(name)
        if len(words) != (len(words) if count is None else count) or not all(map(WHOLE.fullmatch, words)):
            raise ValueError(f"{self._where} is damaged: {name}")
        return list(map(int, words))

    def one(self, name: str) -> int:
        return self.whole(name, 1)[0]
