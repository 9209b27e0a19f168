"""Which addresses the server asks for what somebody registered: public ones, and no inner host by any spelling."""

from __future__ import annotations

import socket

import pytest

from yima.runtime.outbound import Question, Reach, fetch

_INNER = (
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "224.0.0.1",
    "239.1.1.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fec0::1", "ff0e::1", "::ffff:10.1.2.3",
    "::10.1.2.3", "::7f00:1", "2002:0a01:0203::1", "64:ff9b::10.1.2.3", "64:ff9b::7f00:1", "64:ff9b:1::a01:203",
)  # fmt: skip
_PUBLIC = ("8.8.8.8", "2400:3200::1", "64:ff9b::808:808", "2002:808:808::1")


class ReachedError(Exception):
    """A connection would have been made."""


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names mean the address that they end with, and nothing is connected to."""

    def named(host: str, port: int, **_: object) -> list[object]:
        return [(0, 0, 0, "", (one, port)) for one in host.split("_")]

    def connected(address: tuple[str, int], **_: object) -> socket.socket:
        raise ReachedError(address[0])

    monkeypatch.setattr(socket, "getaddrinfo", named)
    monkeypatch.setattr(socket, "create_connection", connected)


def _url(address: str) -> str:
    return f"https://[{address}]/keys" if ":" in address else f"https://{address}/keys"


@pytest.mark.parametrize("address", _INNER)
def test_no_inner_host(address: str) -> None:
    with pytest.raises(ValueError, match="not an address"):
        fetch(Question(_url(address), Reach()))


@pytest.mark.parametrize("address", _PUBLIC)
def test_public_hosts(address: str) -> None:
    with pytest.raises(ReachedError):
        fetch(Question(_url(address), Reach()))


def test_a_name_that_means_an_inner_host_too() -> None:
    with pytest.raises(ValueError, match="not an address"):
        fetch(Question("https://8.8.8.8_10.0.0.1/keys", Reach()))


def test_what_the_deployment_allows() -> None:
    for address, reach in (("127.0.0.1", Reach(loopback=True)), ("::ffff:10.0.0.1", Reach(private=True))):
        with pytest.raises(ReachedError):
            fetch(Question(_url(address), reach))
    with pytest.raises(ValueError, match="not an address"):
        fetch(Question(_url("169.254.169.254"), Reach(loopback=True, private=True)))
