"""Text as hashed n-grams."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from handlers.data.statistics import Statistics

if TYPE_CHECKING:
    import pyarrow as pa

    from handlers.modelspec.model import Feature

COLUMNS = 1 << 16
BLOCK_ROWS = 8192


class Text:
    """Each n-gram of words or characters in one of `hash` columns, every row of length 1. A missing text has none. Nothing is learned."""

    stored = 100  # about how many n-grams a text has
    missing = ""

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

    def matrix(self, column: pa.ChunkedArray) -> Any:
        """A csr_matrix of shape (rows, width)."""
        from scipy import sparse

        # not all texts at once: as Python's strings they are large
        blocks = [column.slice(first, BLOCK_ROWS) for first in range(0, len(column), BLOCK_ROWS)]
        found = [self._vectorizer.transform(block.fill_null("").to_pylist()) for block in blocks]
        return sparse.vstack(found, format="csr") if found else sparse.csr_matrix((0, self.width))
