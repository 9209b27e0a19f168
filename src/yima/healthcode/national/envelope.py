"""The two envelopes in which hospitals already call: canonical texts, digests, ciphers. Pure.

Family A, the national and provincial card systems (`/erhc/ehealthcard/business.do`): SM3 over named fields in
alphabetical order with the secret last, the content in SM4-ECB. Family E, the open platform (`commonIn`, `req`):
Base64(SHA-256(fields in alphabetical order | secret)). Design note healthcode, 6.3.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from yima.healthcode.national.sm import BLOCK, decrypt, encrypt, pad, sm3, unpad
from yima.runtime.errors import Refusal

SIGNED: Final = ("app_id", "biz_content", "digest_type", "enc_type", "method", "term_id", "timestamp", "version")
"""The members of a family A envelope that its digest covers, in their order."""
ANSWERED: Final = ("app_id", "biz_content", "code", "digest_type", "enc_type", "message", "timestamp")
"""The members of a family A answer that its digest covers, in their order."""
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{32})+")


def canonical(fields: Mapping[str, str], plain: str, secret: str) -> str:
    """The text that a family A digest covers; `biz_content` is the plain content, not the enciphered one."""
    said = {**fields, "biz_content": plain}
    return "&".join([*(f"{name}={said[name]}" for name in SIGNED), f"app_secret={secret}"])


def digest(fields: Mapping[str, str], plain: str, secret: str) -> str:
    """The family A digest: SM3 of the canonical text, hexadecimal in lower case."""
    return sm3(canonical(fields, plain, secret).encode()).hex()


def digest_holds(fields: Mapping[str, str], plain: str, secret: str, given: str) -> bool:
    """Whether a digest is the right one, in either case of letters, in constant time."""
    return hmac.compare_digest(digest(fields, plain, secret).encode(), given.strip().lower().encode("utf-8", "replace"))


def reply_digest(reply: Mapping[str, Any], plain: str, secret: str) -> str:
    """The digest of a family A answer, by the rule of the question: its members in alphabetical order, secret last."""
    said = [f"{name}={plain if name == 'biz_content' else reply.get(name, '')}" for name in ANSWERED]
    return sm3("&".join([*said, f"app_secret={secret}"]).encode()).hex()


def seal(key: bytes, plain: str, *, hexadecimal: bool = False) -> str:
    """Content as family A sends it: SM4-ECB with PKCS #7 padding, in Base64 or hexadecimal."""
    sealed = encrypt(key, pad(plain.encode()))
    return sealed.hex() if hexadecimal else base64.b64encode(sealed).decode()


def is_hexadecimal(content: str) -> bool:
    """Whether enciphered content is written in hexadecimal; Base64 is the usual way."""
    return _HEX.fullmatch(content) is not None


def open_content(key: bytes, content: str) -> str:
    """The plain content, UTF-8. Refusals `gateway-content-unreadable` (key, padding), `json-malformed` (GBK)."""
    try:
        sealed = bytes.fromhex(content) if is_hexadecimal(content) else base64.b64decode(content, validate=True)
    except (ValueError, binascii.Error):
        raise Refusal("gateway-content-unreadable", field="biz_content", reason="it is not Base64") from None
    if not sealed or len(sealed) % BLOCK:
        raise Refusal("gateway-content-unreadable", field="biz_content", reason="it is not whole blocks of 16 bytes")
    try:
        plain = unpad(decrypt(key, sealed))
    except ValueError:
        reason = "it does not open with the key of this app"
        raise Refusal("gateway-content-unreadable", field="biz_content", reason=reason) from None
    try:
        return plain.decode()
    except UnicodeDecodeError:
        raise Refusal("json-malformed", reason="biz_content is not UTF-8; GBK bytes are not read") from None


def sign(values: Mapping[str, Any], secret: str) -> str:
    """The family E signature of the members of `commonIn` and `req` together, `sign` itself aside."""
    return _signature({name: _rendered(value) for name, value in values.items()}, secret)


def sign_holds(values: Mapping[str, Any], secret: str, given: str) -> bool:
    """Whether a signature is the right one, in constant time. Nested values may be written in the order sent,
    or sorted: clients in the field do either."""
    as_sent = sign(values, secret)
    in_order = _signature({name: _rendered(value, ordered=True) for name, value in values.items()}, secret)
    mark = given.encode("utf-8", "replace")
    return hmac.compare_digest(as_sent.encode(), mark) | hmac.compare_digest(in_order.encode(), mark)


def _signature(rendered: Mapping[str, str], secret: str) -> str:
    said = "&".join(f"{name}={rendered[name]}" for name in sorted(rendered) if name != "sign" and rendered[name])
    return base64.b64encode(hashlib.sha256(f"{said}{secret}".encode("utf-8", "replace")).digest()).decode()


def _rendered(value: Any, *, ordered: bool = False) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=ordered)
