"""Who answers here, under the paths where clients of Argo Server ask for it."""

from __future__ import annotations

import getpass
import platform

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localargo.api.backend import backend_of


def routes() -> list[Route]:
    """The paths of this module."""
    return [
        Route("/api/v1/info", info, methods=["GET"]),
        Route("/api/v1/version", version, methods=["GET"]),
        Route("/api/v1/userinfo", userinfo, methods=["GET"]),
    ]


async def info(request: Request) -> Response:
    """The one namespace of this engine; the rest is about a page that it does not have."""
    return JSONResponse({"managedNamespace": backend_of(request).namespace, "links": [], "columns": [], "modals": {}, "navColor": ""})


async def version(request: Request) -> Response:
    """The engine's own version, marked as such: it is not one of Argo's."""
    own = backend_of(request).engine.info()["version"]
    about = {"version": f"localargo-{own}", "gitTag": "", "gitCommit": "", "gitTreeState": "", "buildDate": "", "goVersion": ""}
    return JSONResponse({**about, "compiler": platform.python_implementation(), "platform": platform.platform()})


async def userinfo(request: Request) -> Response:
    """The user whose processes the pods are."""
    name = getpass.getuser()
    return JSONResponse({"issuer": "", "subject": name, "name": name, "groups": []})
