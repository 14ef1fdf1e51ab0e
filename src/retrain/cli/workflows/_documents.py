"""Documents of every kind by KIND and NAME: Workflows and templates from Argo Server's API, the others from the engine's own."""

from __future__ import annotations

from localargo import InvalidInput, Unsupported
from retrain.client.connect import argo_server, local_engine
from retrain.client.local_engine import LocalEngine
from retrain.client.place import Cluster, Place
from retrain.client.protocol import Doc
from retrain.client.workflows import find

WORKFLOW = ("workflow", "workflows", "wf")
TEMPLATE = ("workflowtemplate", "workflowtemplates", "wftmpl")


class Documents:
    """What the engine of a state folder, or a cluster, holds."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._server = argo_server(place)

    def get(self, name: str) -> Doc:
        """The document KIND/NAME, or the Workflow of this name."""
        kind, name = _split(name)
        if kind.lower() in WORKFLOW:
            return find(self._server, name)
        if kind.lower() in TEMPLATE:
            return self._server.template(name)
        return engine(self._place, kind).object(kind, name)

    def list(self, kind: str, selector: str) -> list[Doc]:
        """All of a kind other than Workflow with these labels, newest first."""
        if kind.lower() in TEMPLATE and not selector:
            return list(reversed(self._server.templates()))
        return engine(self._place, kind).objects(kind, selector)

    def delete(self, name: str) -> tuple[str, str]:
        """Remove the document; its kind and name."""
        found = self.get(name)
        kind, name = found["kind"], found["metadata"]["name"]
        if kind == "Workflow":
            self._server.delete(name)
        elif kind == "WorkflowTemplate":
            self._server.delete_template(name)
        else:
            engine(self._place, kind).delete_object(kind, name)
        return kind, name


def engine(place: Place, kind: str) -> LocalEngine:
    """The embedded engine, which holds documents of every kind. Raises Unsupported for a cluster, where `kubectl` does."""
    if isinstance(place, Cluster):
        where = f"--context {place.context}" + (f" -n {place.namespace}" if place.namespace else "")
        raise Unsupported(f"{kind}: on a cluster retrain handles Workflows and WorkflowTemplates; for other kinds use `kubectl {where}`")
    return local_engine(place)


def _split(name: str) -> tuple[str, str]:
    kind, slash, rest = name.partition("/")
    if not slash:
        return "Workflow", name
    if not kind or not rest or "/" in rest:
        raise InvalidInput(f"{name!r} is not KIND/NAME, for example workflowtemplate/retrain")
    return kind, rest
