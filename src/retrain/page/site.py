"""What every page needs: the answers, the Workflows, and the templates."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, cast

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from retrain.client.place import Place
from retrain.page import words
from retrain.page.news import News
from retrain.page.questions import Questions
from retrain.page.sessions import Sessions
from retrain.page.workflows import Workflows

STATIC = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}


@cache
def static(name: str) -> tuple[bytes, str]:
    """A file that pages refer to, and the digest of its content."""
    data = files("retrain.page").joinpath("static", name).read_bytes()
    return data, hashlib.sha256(data).hexdigest()[:12]


def _address(name: str) -> str:
    return f"/static/{name}?v={static(name)[1]}"


@cache
def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("retrain.page"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters.update(cast("dict[str, Callable[..., Any]]", words.FILTERS))
    made.globals["static"] = _address
    return made


@dataclass(slots=True)
class Site:
    """`workflows` is None where there is a bucket alone."""

    questions: Questions
    news: News
    title: str
    place: Place | None = None
    workflows: Workflows | None = None
    sessions: Sessions | None = None  # where somebody may do more than read
    profiles: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)  # by model: as of which version of the bucket, and what
    streams: int = 0  # logs that are followed now


def site_of(request: Request) -> Site:
    """What the application was built with."""
    return cast(Site, request.app.state.site)


def page(request: Request, template: str, title: str, *, topics: str = "", status: int = 200, **given: Any) -> HTMLResponse:
    """A page from its template. `topics`: whose news it is drawn anew for; `every` in `given`: and after so many seconds."""
    site = site_of(request)
    trouble = site.workflows.trouble if site.workflows is not None else ""
    csrf = site.sessions.word(request) if site.sessions is not None else ""
    shown = {
        "csrf": csrf,
        "title": title,
        "site": site,
        "topics": topics,
        "trouble": trouble,
        "path": request.url.path,
        "every": 0,
        **given,
    }
    return HTMLResponse(_templates().get_template(template).render(shown), status)
