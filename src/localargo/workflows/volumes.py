"""Volumes as folders: empty ones, claims that outlive the pod, and ConfigMaps and Secrets as files."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from localargo.ports import Doc, Volume
from localargo.workflows.environment import NotThere, document_data
from localargo.workflows.work import CallFailed, Pass

_KEPT = ("name",)


def volumes_of(p: Pass, declared: Sequence[Doc], used: Collection[str]) -> list[Volume]:
    """The volumes that are mounted. Raises CallFailed for one that is not declared, or whose source is missing or not supported."""
    found = {volume.get("name") or "": volume for volume in declared}
    for name in used:
        if name not in found:
            raise CallFailed(f"volume '{name}' not found in workflow spec")
    return [_volume(p, name, volume) for name, volume in found.items() if name in used]


def _volume(p: Pass, name: str, volume: Doc) -> Volume:
    if volume.get("persistentVolumeClaim"):
        claim = volume["persistentVolumeClaim"]
        owner = p.run.workflow["metadata"].get("uid") or "" if volume.get("owned") else ""
        return Volume(name, claim=claim.get("claimName") or "", owner=owner, read_only=bool(claim.get("readOnly")))
    if volume.get("configMap") is not None or volume.get("secret") is not None:
        return Volume(name, files=_files(p, volume), read_only=True)
    if volume.get("projected") is not None:
        files: dict[str, str] = {}
        for source in volume["projected"].get("sources") or ():
            files.update(_files(p, source))
        return Volume(name, files=files, read_only=True)
    kinds = [k for k in volume if k not in _KEPT]
    if kinds and kinds != ["emptyDir"]:
        raise CallFailed(f"volume '{name}': {kinds[0]} is not supported here")
    return Volume(name)


def _files(p: Pass, source: Doc) -> dict[str, str]:
    field = "configMap" if source.get("configMap") is not None else "secret"
    reference = source.get(field)
    if reference is None:
        raise CallFailed(f"projected volume source {', '.join(source) or 'without kind'} is not supported here")
    name = reference.get("secretName") or reference.get("name") or ""
    document = (p.world.configmaps if field == "configMap" else p.world.secrets).get(name)
    if document is None:
        if reference.get("optional"):
            return {}
        raise NotThere(f'{field.lower()} "{name}" not found')
    data = document_data(document)
    items = reference.get("items")
    if not items:
        return data
    missing = [i["key"] for i in items if i.get("key") not in data]
    if missing and not reference.get("optional"):
        raise NotThere(f"{field.lower()} references non-existent config key: {missing[0]}")
    return {i.get("path") or i["key"]: data[i["key"]] for i in items if i.get("key") in data}
