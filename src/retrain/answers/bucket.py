"""Which bucket a question is about."""

from __future__ import annotations

import os
from pathlib import Path

from localargo import Unavailable
from retrain.client.connect import bucket_environment
from retrain.client.place import Place


def bucket_of_model(place: Place, name: str = "") -> dict[str, str]:
    """The variables of the bucket that a model is in: none where `name` is an address or a folder, or where RETRAIN_BUCKET names a bucket
    and no engine runs here."""
    if name.startswith("s3://") or (name and Path(name).is_dir()):
        return {}
    try:
        return bucket_environment(place)
    except Unavailable:
        if isinstance(place, Path) and os.environ.get("RETRAIN_BUCKET"):
            return {}
        raise
