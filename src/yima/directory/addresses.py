"""Web addresses that apps register: where a browser may be sent, and whose scripts may read the answers."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_URI_CHARS: Final = 500
_ORIGIN_CHARS: Final = 200
_PORTS: Final = {"http": 80, "https": 443}


def is_redirect_uri(uri: str) -> bool:
    """Whether codes may be sent there: https, loopback (RFC 8252, section 7.3) or a private scheme (7.1); no fragment
    (RFC 6749, section 3.1.2), no user, nothing that a header or a page could be broken with."""
    if not 0 < len(uri) <= _URI_CHARS or not uri.isascii() or not uri.isprintable() or set(uri) & set(" \"'<>\\;,#"):
        return False
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if parts.scheme in ("http", "https"):
        secure = parts.scheme == "https" or host in _LOOPBACK
        return bool(host) and secure and "@" not in parts.netloc and "*" not in uri
    return "." in parts.scheme and not parts.netloc


def is_origin(text: str) -> bool:
    """Whether a browser would send this as an origin: scheme and host, the port where it is not the usual one; https,
    or http on a loopback address. Never `*` or `null`."""
    if not 0 < len(text) <= _ORIGIN_CHARS or not text.isascii() or text != text.lower():
        return False
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    name = f"[{host}]" if ":" in host else host
    usual = port is None or port != _PORTS.get(parts.scheme)
    plain = text == f"{parts.scheme}://{name}" + (f":{port}" if port is not None else "")
    return secure and usual and plain and all(sign.isalnum() or sign in ".-:" for sign in host) and bool(host)
