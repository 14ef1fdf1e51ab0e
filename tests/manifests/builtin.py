"""Kubernetes' own kinds field by field, by the models of its Python client: unknown fields, wrong types, what is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from typing import Any

import yaml
from kubernetes import client
from pydantic import ValidationError

from localargo.manifests.document import Document, join
from localargo.manifests.schema import QUANTITY
from tests.manifests.installs import Doc, of_kind

EITHER = re.compile(r'\{\{=.*? \? "(\w+)" : "(\w+)" *\}\}')  # a tag that is one word or another
TAG = re.compile(r"\{\{.*?\}\}")


def of_kubernetes(documents: list[Document], others: Set[str]) -> list[str]:
    """What a strict API server would hold against documents of no kind of `others`, and what is wrong with what patches add to pods."""
    found = [each for document in documents if document.kind not in others for each in _wrong(document)]
    for where, patch in _patches(documents):
        found += [f"{where} {each}" for each in _held_against(client.V1PodSpec, patch, partial=True)]
    return found


def _wrong(document: Document) -> list[str]:
    group, _, version = document.api_version.rpartition("/")
    model = getattr(client, f"{version.capitalize()}{document.kind}", None)
    if model is None or (group and group != "apps" and not group.endswith(".k8s.io")):
        return [f"{document.label} {document.api_version} is no kind of Kubernetes"]
    return [f"{document.label} {each}" for each in _held_against(model, document.doc)]


def _patches(documents: list[Document]) -> Iterator[tuple[str, Doc]]:
    """The podSpecPatch of each template, with each word that a tag may become; other tags become a number."""
    for template in of_kind(documents, "WorkflowTemplate"):
        for each in template["spec"].get("templates") or []:
            patch = each.get("podSpecPatch") or ""
            for text in sorted({EITHER.sub(choice, patch) for choice in (r"\1", r"\2")} - {""}):
                yield f"podSpecPatch of {template['metadata']['name']}.{each['name']}", yaml.safe_load(TAG.sub("1", text))


def _held_against(model: Any, doc: Doc, *, partial: bool = False) -> list[str]:
    """`partial`: a patch, which need not have what is required."""
    try:
        model.model_validate(doc)
    except ValidationError as error:
        found = []
        for each in error.errors():
            path = ""
            for step in each["loc"]:
                path = join(path, step)
            number_as_quantity = isinstance(each["input"], int) and QUANTITY.fullmatch(f".{path}")
            if not (partial and each["type"] == "missing") and not number_as_quantity:
                found.append(f"{path}: {each['msg']}")
        return found
    return []
