"""How the engine runs this product: its bucket, the names of its variables, and the handlers as a package that starts warm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from localargo import Settings

PRELOAD: Final = (
    "numpy",
    "scipy.sparse",
    "pyarrow",
    "pyarrow.compute",
    "pyarrow.csv",
    "pyarrow.parquet",
    "duckdb",
    "sklearn.linear_model",
    "sklearn.ensemble",
    "sklearn.neural_network",
    "sklearn.naive_bayes",
    "sklearn.metrics",
    "sklearn.preprocessing",
    "skops.io",
    "threadpoolctl",
    "pydantic",
    "yaml",
    "boto3",
    "botocore.config",
    "base64",
    "concurrent.futures",
    "hashlib",
    "uuid",
)  # what the handlers compute with: imported once, before the handlers' processes are forked


def engine_settings() -> Settings:
    """The settings of every engine that retrain starts."""
    from localargo import Settings, WarmPackage
    from retrain.project.packaged import handlers_root

    return Settings(bucket="retrain", variables="RETRAIN", warm=WarmPackage("handlers", PRELOAD, handlers_root()))
