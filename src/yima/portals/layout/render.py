"""Rendering: one Jinja2 environment, autoescaped, with words, dates, icons and addresses at hand."""

from __future__ import annotations

import tomllib
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, PrefixLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from yima.portals.layout import dates
from yima.portals.layout.assets import assets
from yima.portals.layout.language import preferences
from yima.portals.layout.messages import PORTALS, Words
from yima.runtime import clock
from yima.runtime.errors import Refusal


@cache
def _environment() -> Environment:
    loaders = {portal: PackageLoader(f"yima.portals.{portal}", "templates") for portal in PORTALS}
    environment = Environment(
        loader=PrefixLoader(loaders), autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    environment.filters.update(say=_say, day=_day, moment=_moment, place=_place, grouped=_grouped, told=_told)
    environment.globals.update(icon=icon, asset=assets().url, clock=dates.time_of_day)
    return environment


@pass_context
def _say(context: Context, text: Any) -> str:
    return str(text.get(context["lang"])) if text else ""


@pass_context
def _day(context: Context, value: Any) -> str:
    return dates.day(value, context["lang"])


@pass_context
def _moment(context: Context, value: Any) -> str:
    return dates.moment(value, context["lang"])


@pass_context
def _told(context: Context, refusal: Refusal) -> tuple[str, str]:
    """What happened and what to do: for people, where the catalogue's sentences speak to programmers."""
    words: Words = context["t"]
    if refusal.code == "institution-suspended" and "since" in refusal.params:  # to its staff, who proved who they are
        since = refusal.params["since"]
        when = dates.moment(datetime.fromisoformat(str(since)), words.lang) if since else ""
        return (
            words("suspended.title", name=refusal.params[f"name_{words.lang}"]),
            (words("suspended.since", when=when) if when else words("suspended.now"))
            + words("suspended.mend", who=context["contact"] or words("suspended.operator")),
        )
    own = f"refusal.{refusal.code}.mend"
    return refusal.text(words.lang), words(own) if words.has(own) else refusal.mend(words.lang)


@pass_context
def _place(context: Context, name: str) -> str:
    """An institution's name in the reader's language, where the page brought the names along (`place_names`)."""
    names: dict[str, str] = context.get("places") or {}
    return names.get(name, name)


def _grouped(number: int) -> str:
    return f"{number:,}"


@cache
def _icons() -> dict[str, str]:
    return dict(tomllib.loads(files(__package__).joinpath("icons.toml").read_text(encoding="utf-8")))


@cache
def icon(name: str, size: str = "") -> Markup:
    """One of our own drawings as inline SVG, hidden from screen readers: a word always stands beside it."""
    # Both parts are our own constants, never data: the names come from templates, the paths from icons.toml.
    return Markup(  # noqa: S704  as said above
        f'<svg class="icon {size}" viewBox="0 0 24 24" aria-hidden="true" focusable="false">'
        f'<path d="{_icons()[name]}"/></svg>'
    )


def _context(request: Request, portal: str, context: dict[str, Any]) -> dict[str, Any]:
    chosen = preferences(request)
    access = getattr(request.app.state, "access", None)
    return {
        "lang": chosen.lang,
        "ease": chosen.ease and portal not in ("operator", "steward", "regulator"),
        "theme": chosen.theme,
        "t": Words(portal, chosen.lang),
        "portal": portal,
        "path": request.url.path,
        "development": access.settings.development if access else False,
        "now": clock.now(),
        "contact": access.settings.contact if access else "",
        **context,
    }


def render(request: Request, template: str, *, portal: str, status: int = 200, **context: Any) -> HTMLResponse:
    """A whole page; `template` lies in the portal's own folder, `error.html` and `landing.html` in the shared one."""
    folder = "layout" if template in ("error.html", "landing.html", "again.html") else portal
    body = (
        _environment()
        .get_template(f"{folder}/{template}")
        .render(_context(request, portal, {"status": status, **context}))
    )
    return HTMLResponse(body, status)


def render_fragment(request: Request, template: str, *, portal: str, **context: Any) -> str:
    """A part of a page, for the small modules that replace one region."""
    return _environment().get_template(f"{portal}/{template}").render(_context(request, portal, context))
