"""Messages to phones: the file, and a deployment's own gateway, which must be able to prove who asked."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.gateway import MessageGateway, message_gateway
from yima.runtime import settings
from yima.runtime.errors import Refusal
from yima.runtime.messages import FileSender, Message, WebhookSender, sender_of, signed

SECRET = "a secret of thirty-two characters"
MESSAGE = Message("notice-1", "notice", "00000000001", "有人查看 somebody looked")


@pytest.fixture(scope="module")
def gateway() -> Iterator[MessageGateway]:
    with message_gateway() as running:
        yield running


async def test_a_gateway_can_check_who_asked(gateway: MessageGateway) -> None:
    gateway.got.clear()
    await WebhookSender(gateway.url, SECRET).send(MESSAGE)
    ((headers, body),) = gateway.got
    assert json.loads(body) == {"type": "notice", "data": {"to": MESSAGE.to, "text": MESSAGE.text}}
    said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = base64.b64encode(hmac.new(SECRET.encode(), said, hashlib.sha256).digest()).decode()
    assert (headers["webhook-id"], headers["webhook-signature"]) == ("notice-1", f"v1,{mac}")


def test_the_signature_covers_id_time_and_body() -> None:
    made = [
        signed(identity, at, body, secret)["webhook-signature"]
        for identity, at, body, secret in [
            ("1", 1, b"{}", b"s"), ("2", 1, b"{}", b"s"), ("1", 2, b"{}", b"s"), ("1", 1, b"[]", b"s"),
            ("1", 1, b"{}", b"t"),
        ]
    ]  # fmt: skip
    assert len(set(made)) == len(made)


@pytest.mark.parametrize("status", [302, 400, 429, 500, 503])
async def test_anything_but_a_yes_is_not_sent(gateway: MessageGateway, status: int) -> None:
    gateway.status = status
    try:
        with pytest.raises(OSError, match=str(status)):
            await WebhookSender(gateway.url, SECRET).send(MESSAGE)
    finally:
        gateway.status = 204


async def test_nobody_there_is_not_sent() -> None:
    with pytest.raises(OSError):  # noqa: PT011  whatever the machine says of a closed port
        await WebhookSender("http://127.0.0.1:9", SECRET).send(MESSAGE)


async def test_the_file_is_the_owners_alone(tmp_path: Path) -> None:
    await FileSender(tmp_path / "notices.jsonl").send(MESSAGE)
    assert (tmp_path / "notices.jsonl").stat().st_mode & 0o077 == 0
    assert json.loads((tmp_path / "notices.jsonl").read_bytes())["kind"] == "notice"


def test_the_settings_name_the_sender(tmp_path: Path) -> None:
    def chosen(**said: object) -> object:
        return type(sender_of(settings.load({"data": tmp_path} | said, environment={}, directory=tmp_path)))

    assert chosen() is type(None)
    assert chosen(notice_sender="file") is FileSender
    webhook = {"notice_webhook": "http://127.0.0.1/x", "notice_webhook_secret": SECRET}
    assert chosen(notice_sender="webhook", **webhook) is WebhookSender
    for wrong in ({}, {"notice_webhook": "http://127.0.0.1/x"}, webhook | {"notice_webhook_secret": "short"}):
        with pytest.raises(Refusal) as refused:
            chosen(notice_sender="webhook", **wrong)
        assert refused.value.code == "setting-invalid"
        assert "short" not in str(refused.value.text("en"))
