"""Which documents a verb is about: the files named, or the laptop's overlay of the repository one stands in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from localargo import Document, Finding, InvalidInput

OVERLAY = Path("overlays/laptop")
MODELS = Path("models")


def documents(files: Sequence[Path]) -> list[Document]:
    """What `files` hold, by default the laptop's overlay.

    Raises InvalidInput where there is neither, and for the spec of a model, which is not a manifest.
    """
    from retrain.project.kustomize import load

    if not files and not OVERLAY.is_dir():
        raise InvalidInput(f"no {OVERLAY} here: name manifests, or go to the folder of your project; `retrain init DIR` makes one")
    found = load(list(files) or [OVERLAY])
    for document in found:
        if is_spec(document):
            raise InvalidInput(
                f"{document.file}: the spec of a model is not a manifest: `retrain lint` checks it, `retrain try` runs it on local files, "
                f"and `retrain apply` without FILES loads all of {MODELS}/"
            )
    return found


def is_spec(document: Document) -> bool:
    """Whether it is the spec of a model."""
    return document.kind == "Model" and str(document.doc.get("apiVersion", "")).startswith("retrain/")


def findings(files: Sequence[Path]) -> list[Finding]:
    """What is wrong with these manifests and specs; without files, with all of this repository.

    What the embedded engine refuses counts in its own overlay only: a cluster's overlay may hold whatever the cluster runs.
    """
    import time

    from localargo import check
    from retrain.project import brought, landing
    from retrain.project.kustomize import load
    from retrain.project.questions import check_specs

    if files:
        found = load(list(files))
        specs = sorted({Path(d.file) for d in found if is_spec(d)})
        return check_specs(specs) + check([d for d in found if not is_spec(d)], now=time.time()) + list(landing.of_runs(found))
    overlays = sorted(p for p in Path("overlays").glob("*") if p.is_dir())
    if not overlays and not MODELS.is_dir():
        raise InvalidInput(
            "no overlays/ and no models/ here: name manifests, or go to the folder of your project; `retrain init DIR` makes one"
        )
    of_models = _models() if MODELS.is_dir() else []
    if old := brought.outdated(Path()):
        of_models.append(Finding("warning", str(brought.RECORD), 0, "version", old))
    if any(f.severity == "error" for f in of_models):
        return of_models
    told = list(of_models)
    for overlay in overlays:
        of_overlay = load([overlay])
        found_here = check(of_overlay, now=time.time()) + list(landing.of_runs(of_overlay))
        told += [f for f in found_here if f not in told and (overlay == OVERLAY or f.severity != "unsupported")]
    return told


def _models() -> list[Finding]:
    """What is wrong with the folder of models: its list, then the specs."""
    from retrain.project import generated, models
    from retrain.project.questions import check_specs

    listed, wanted = models.listed(MODELS), models.wanted(MODELS)
    wrong = [f"{entry} is not listed, so the model does not exist for Argo" for entry in wanted if entry not in listed]
    wrong += [f"{entry} is listed, but there is no such file" for entry in listed if entry not in wanted]
    wrong += [f"{name} does not say what the specs say" for name in generated.stale(MODELS, models.manifests(MODELS))]
    path = str(MODELS / "kustomization.yaml")
    found = [Finding("error", path, 0, "configMapGenerator", message, "`retrain lint --fix models`") for message in wrong]
    return found + check_specs(models.specs(MODELS))
