"""What may stand in a narrative: one well-formed <div> of formatting, links and images; nothing that acts (R4
narrative.html, rule txt-1).

It is put into XML as it stands, and pages and programs of others show it: what is no XHTML of its own would be read as
elements of the resource around it, or not at all.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal
from xml.parsers import expat

XHTML: Final = "http://www.w3.org/1999/xhtml"
_ELEMENT: Final = re.compile(
    "a|abbr|acronym|address|area|b|big|blockquote|br|caption|center|cite|code|col|colgroup|dd|del|dfn|div|dl|dt|em|font"
    "|h[1-6r]|i|img|ins|kbd|li|map|ol|p|pre|q|s|samp|small|span|strike|strong|sub|sup|table|tbody|td|tfoot|th|thead|tr"
    "|tt|u|ul|var"
).fullmatch
_ATTRIBUTE: Final = re.compile(
    "abbr|accesskey|align|alt|axis|bgcolor|border|bordercolor|cell(?:halign|padding|spacing|valign)|char|charoff|charset"
    "|cite|class|clear|color|colspan|compact|coords|datetime|dir|face|frame|headers|height|href|hreflang|hspace|id|lang"
    "|longdesc|name|noshade|nohref|nowrap|rel|rev|rowspan|rules|scope|shape|size|span|src|start|style|summary|tabindex"
    "|title|type|usemap|valign|value|vspace|width"
).fullmatch
_XML: Final = "http://www.w3.org/XML/1998/namespace "
_ADDRESSES: Final = frozenset(("href", "src", "cite", "longdesc", "usemap"))
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*):", re.I).match
_SAFE: Final = frozenset(("http", "https", "ftp", "mailto", "tel", "urn"))
_UNSEEN: Final = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202f\ufeff]+")
_STYLED: Final = re.compile(
    r"url\s*\((?!\s*['\"]?data:\s*image/(?:png|jpeg|gif|webp)[;,])|expression\s*\(|@import|-moz-binding|behavior\s*:|\\",
    re.I,
).search


class _ActiveError(Exception):
    """Something that a narrative may not hold."""


Flaw = Literal["form", "active"]
"""It is no <div> of XHTML, or holds what it may not."""


def narrative_flaw(text: str) -> Flaw | None:
    """What is wrong with the XHTML of a narrative; None where nothing is."""
    if not text.lstrip().startswith("<div"):
        return "form"
    return _flaw(text) if len(text) < _SHORT else _read(text)


_SHORT: Final = 2_000
"""Narratives that programs write by rote, again and again."""


@lru_cache(1024)
def _flaw(text: str) -> Flaw | None:
    return _read(text)


def _read(text: str) -> Flaw | None:
    parser = expat.ParserCreate("UTF-8", " ")
    parser.StartDoctypeDeclHandler = _refuse
    parser.ProcessingInstructionHandler = _refuse
    parser.StartElementHandler = _Start()
    try:
        parser.Parse(text.encode(), True)
    except expat.ExpatError:
        return "form"
    except _ActiveError:
        return "active"
    return None


def _refuse(*_: object) -> None:
    raise _ActiveError


class _Start:
    """Looks at each element as it begins."""

    def __init__(self) -> None:
        self._root = True

    def __call__(self, qualified: str, attributes: dict[str, str]) -> None:
        namespace, _, name = qualified.rpartition(" ")
        if namespace != XHTML or not _ELEMENT(name) or (self._root and name != "div"):
            raise _ActiveError
        self._root = False
        for key, value in attributes.items():
            _check_attribute(key, value, name)


def _check_attribute(key: str, value: str, element: str) -> None:
    if key.startswith(_XML):
        return
    if not _ATTRIBUTE(key) or (key == "style" and _STYLED(value)):
        raise _ActiveError
    if key in _ADDRESSES and (scheme := _SCHEME(_UNSEEN.sub("", value))):
        known = scheme[1].lower()
        if known not in _SAFE and not (element == "img" and known == "data" and _IMAGE(value)):
            raise _ActiveError


_IMAGE: Final = re.compile(r"data:\s*image/(?:png|jpeg|gif|webp);base64,").match
