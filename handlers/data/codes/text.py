"""Text as hashed n-grams."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from handlers.data.statistics import Statistics
from handlers.modelspec.model import Feature

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = 1 << 16


class Text:
    """Each n-gram of words or characters in one of `hash` columns, every row of length 1. A missing text has none. Nothing is learned."""

    stored = 100  # about how many n-grams a text has

    def __init__(self, name: str, feature: Feature, statistics: Statistics) -> None:
        self.name = name
        self.width = feature.hash or COLUMNS
        self._options = {
            "ngram_range": tuple(feature.ngrams or (1, 1)),
            "analyzer": feature.analyzer or "word",
            "lowercase": feature.lowercase is not False,
        }

    @property
    def names(self) -> list[str]:
        return [f"{self.name}#{i}" for i in range(self.width)]

    @cached_property
    def _vectorizer(self) -> Any:
        from sklearn.feature_extraction.text import HashingVectorizer

        return HashingVectorizer(n_features=self.width, **self._options)

    def places(self, column: pa.ChunkedArray) -> tuple[Any, Any, Any]:
        import numpy as np

        if not len(column):  # which scikit-learn does not take
            return np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0)
        found = self._vectorizer.transform(column.fill_null("").to_pylist()).tocoo()
        return found.row, found.col, found.data
