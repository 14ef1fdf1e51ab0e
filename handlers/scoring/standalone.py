"""Predictions of this model: `python predict.py ROWS.csv [--out PREDICTIONS.csv] [--proba]`.

Reads CSV, Parquet and JSON Lines with the columns of schema.json. It needs the packages of requirements.txt and nothing else. An output
that ends in .parquet is Parquet; without --out the predictions go to standard output as CSV.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(description="Predictions of this model for files of rows.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--proba", action="store_true", help="probabilities too")
    given = parser.parse_args()
    sys.path[:0] = [str(archive) for archive in (FOLDER / "code").glob("*.zip")]
    from handlers.errors import HandlerError
    from handlers.scoring import files, learned

    try:
        files.predict(learned.scorer(FOLDER), given.files, given.out, proba=given.proba)
    except HandlerError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
