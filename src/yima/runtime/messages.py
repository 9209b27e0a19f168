"""Messages to residents' phones: the one face through which a notice or a one-time code leaves the house.

Three senders: none, a file (development), and a web address of the deployment's own gateway, called as Standard
Webhooks 1.0 says (https://www.standardwebhooks.com): the body is signed, so that the gateway sends nothing that Yima
did not ask for. A message names a phone and a sentence; never an identity number, a name, or anything about health.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import http.client
import os
import ssl
import time
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final, Literal, Protocol
from urllib.parse import SplitResult, urlsplit

import orjson

from yima.runtime.settings import Settings

_SECONDS: Final = 5.0
"""How long the gateway may take to answer."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message. The same `id` is the same message sent again: a gateway drops the second."""

    id: str
    kind: Literal["notice", "code"]
    to: str
    """The phone as it was registered."""
    text: str


class Sender(Protocol):
    """What takes messages away."""

    async def send(self, message: Message) -> None:
        """Hand it over; returns when it was taken. Raises `OSError` when it was not: it may then be tried again."""


class FileSender:
    """Appends each message to a file that only its owner can read, one JSON object a line. For development."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def send(self, message: Message) -> None:
        """Write it down."""
        line = orjson.dumps({"kind": message.kind, "to": message.to, "text": message.text}) + b"\n"
        await asyncio.to_thread(self._write, line)

    def _write(self, line: bytes) -> None:
        with os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as file:
            file.write(line)


class WebhookSender:
    """Posts each message to the deployment's gateway, signed with a secret that both sides keep.

    Anything but an answer of 200 to 299 within five seconds counts as not sent; redirects are not followed.
    """

    def __init__(self, url: str, secret: str) -> None:
        self._to = urlsplit(url)
        self._secret = secret.encode()

    async def send(self, message: Message) -> None:
        """Post it."""
        body = orjson.dumps({"type": message.kind, "data": {"to": message.to, "text": message.text}})
        headers = signed(message.id, int(time.time()), body, self._secret) | {"content-type": "application/json"}
        await asyncio.to_thread(_post, self._to, body, headers)


def signed(identity: str, at: int, body: bytes, secret: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks: id, time (seconds since 1970) and `v1,` HMAC-SHA256 of `id.time.body`."""
    mac = hmac.new(secret, b".".join((identity.encode(), str(at).encode(), body)), hashlib.sha256).digest()
    said = f"v1,{base64.b64encode(mac).decode()}"
    return {"webhook-id": identity, "webhook-timestamp": str(at), "webhook-signature": said}


def _post(to: SplitResult, body: bytes, headers: dict[str, str]) -> None:
    host, port = to.hostname or "", to.port
    connection = (
        http.client.HTTPSConnection(host, port, timeout=_SECONDS, context=ssl.create_default_context())
        if to.scheme == "https"
        else http.client.HTTPConnection(host, port, timeout=_SECONDS)
    )
    try:
        connection.request("POST", to.path or "/", body=body, headers=headers)
        answer = connection.getresponse()
        if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            raise ConnectionRefusedError(f"the gateway answered {answer.status}")
    except http.client.HTTPException as error:
        raise ConnectionError(type(error).__name__) from None
    finally:
        connection.close()


def sender_of(settings: Settings) -> Sender | None:
    """The sender of the setting `notice_sender`; None for `none`."""
    if settings.notice_sender == "webhook":
        return WebhookSender(settings.notice_webhook or "", settings.notice_webhook_secret or "")
    return FileSender(settings.data / "notices.jsonl") if settings.notice_sender == "file" else None
