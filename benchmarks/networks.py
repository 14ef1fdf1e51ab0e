"""python -m benchmarks.networks [--rows 500000] [--out benchmarks/results/torch.json]

The spec of docs/howto/rank-lists.md with the estimator of torch that docs/howto/your-own-model.md shows, on the same made sessions as
`benchmarks.ranking`, and with the same targets: a `mean_rank` below that of lists in no order by the whole interval, and the same model
after a stop. Without torch nothing is measured, which is said; `make bench` goes on.
"""

from __future__ import annotations

import argparse
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import yaml

from benchmarks.ranking import measured, report, shown
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import parse


def torch_spec() -> ModelSpec:
    """The ranking spec with the sections that the page shows."""
    document = yaml.safe_load(shown("rank-lists.md"))
    document["spec"].update(yaml.safe_load(shown("your-own-model.md", "## torch\n")))
    return parse(yaml.safe_dump(document, sort_keys=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if find_spec("torch") is None:
        print("NOT MEASURED: torch is not installed here; `.venv/bin/pip install -e '.[torch]'`")
        return
    found = measured(torch_spec(), given.rows)
    report({"torch": metadata.version("torch"), **found}, given.out)


if __name__ == "__main__":
    main()
