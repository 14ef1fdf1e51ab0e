"""Documents of every kind by KIND and NAME: Workflows and templates from Argo Server's API, the others from the engine's own."""

from __future__ import annotations

from pathlib import Path

from localargo import InvalidInput
from retrain.client.connect import argo_server, local_engine
from retrain.client.protocol import Doc
from retrain.client.workflows import find

WORKFLOW = ("workflow", "workflows", "wf")
TEMPLATE = ("workflowtemplate", "workflowtemplates", "wftmpl")


class Documents:
    """What the engine of a state folder holds."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._server = argo_server(state)

    def get(self, name: str) -> Doc:
        """The document KIND/NAME, or the Workflow of this name."""
        kind, name = _split(name)
        if kind.lower() in WORKFLOW:
            return find(self._server, name)
        if kind.lower() in TEMPLATE:
            return self._server.template(name)
        return local_engine(self._state).object(kind, name)

    def list(self, kind: str, selector: str) -> list[Doc]:
        """All of a kind other than Workflow with these labels, newest first."""
        if kind.lower() in TEMPLATE and not selector:
            return list(reversed(self._server.templates()))
        return local_engine(self._state).objects(kind, selector)

    def delete(self, name: str) -> tuple[str, str]:
        """Remove the document; its kind and name."""
        found = self.get(name)
        kind, name = found["kind"], found["metadata"]["name"]
        if kind == "Workflow":
            self._server.delete(name)
        elif kind == "WorkflowTemplate":
            self._server.delete_template(name)
        else:
            local_engine(self._state).delete_object(kind, name)
        return kind, name


def _split(name: str) -> tuple[str, str]:
    kind, slash, rest = name.partition("/")
    if not slash:
        return "Workflow", name
    if not kind or not rest or "/" in rest:
        raise InvalidInput(f"{name!r} is not KIND/NAME, for example workflowtemplate/retrain")
    return kind, rest
