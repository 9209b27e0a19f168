"""How often somebody may call: bursts, the long run, bounded memory, and whose request it is behind proxies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yima.directory import Pace, network_of, sender_of
from yima.runtime.errors import Refusal


def test_a_burst_at_once_and_then_one_by_one() -> None:
    pace = Pace(2, 4)
    assert [pace.wait("a", 0.0) for _ in range(6)] == [0, 0, 0, 0, 0.5, 0.5]
    assert [pace.wait("a", 0.5), pace.wait("a", 0.5)] == [0, 0.5]
    assert pace.wait("b", 0.0) == 0
    with pytest.raises(Refusal) as refused:
        pace.check("a", 0.6, units=3)
    assert (refused.value.code, refused.value.status, refused.value.retry_after) == ("too-many-requests", 429, 2)


def test_a_debt_is_never_more_than_a_burst_so_nobody_is_shut_out_for_good() -> None:
    pace = Pace(1, 3)
    for _ in range(1000):
        pace.charge("a", 0.0, 9)
    assert pace.wait("a", 0.0) == 1
    assert pace.wait("a", 1.0) == 0


def test_without_a_rate_there_is_no_limit_and_nothing_is_kept() -> None:
    pace = Pace(0, 0)
    assert [pace.wait("a", 0.0) for _ in range(100)] == [0] * 100
    assert len(pace) == 0


def test_a_flood_of_keys_takes_bounded_memory_and_spares_the_newest() -> None:
    pace = Pace(1, 1, most=100)
    for n in range(5000):
        pace.wait(f"k{n}", 0.0)
        assert len(pace) <= 100
    assert pace.wait("k4999", 0.0) > 0
    for n in range(200):  # all of these are paid up a second later, and forgotten first
        pace.wait(f"l{n}", 2.0 + n * 1.1)
    assert len(pace) <= 100


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 3)), max_size=60))
def test_never_more_in_any_time_than_burst_and_rate_allow(steps: list[tuple[float, int]]) -> None:
    pace, now, had = Pace(3, 6), 0.0, []
    for pause, units in steps:
        now += pause
        if not pace.wait("a", now, units):
            had.append((now, units))
    for place, (began, _) in enumerate(had):
        total = 0
        for ended, units in had[place:]:
            total += units
            assert total <= 6 + 3 * (ended - began) + 1e-6


NETWORKS = [
    ("192.0.2.7", "192.0.2.7"),
    ("::ffff:192.0.2.7", "192.0.2.7"),
    ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ("fe80::1%eth0", "fe80::/64"),
    ("", ""),
    ("x" * 500, "x" * 64),
]


@pytest.mark.parametrize(("address", "network"), NETWORKS)
def test_networks(address: str, network: str) -> None:
    assert network_of(address) == network


SENDERS = [
    ("192.0.2.7", "203.0.113.9", "192.0.2.7", "a stranger's header is not believed"),
    ("10.0.0.1", "203.0.113.9", "203.0.113.9", "a proxy's is"),
    ("10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9", "what the client wrote before is not"),
    ("10.0.0.1", "198.51.100.1,203.0.113.9, 10.0.0.2 ,", "203.0.113.9", "two proxies in a row"),
    ("10.0.0.1", "", "10.0.0.1", "the proxy itself"),
    ("10.0.0.1", "10.0.0.2", "10.0.0.1", "nothing but proxies"),
]


@pytest.mark.parametrize(("peer", "forwarded", "sender", "why"), SENDERS, ids=[row[3] for row in SENDERS])
def test_who_asks_behind_proxies(peer: str, forwarded: str, sender: str, why: str) -> None:
    assert sender_of(peer, forwarded, frozenset({"10.0.0.1", "10.0.0.2"})) == sender


def test_a_clock_that_goes_back_holds_nobody_up() -> None:
    """What was paid for in a future that is not to be is forgotten, not waited for."""
    pace = Pace(1, 3)
    assert [pace.wait("a", 40_000.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert [pace.wait("a", 100.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert pace.wait("a", 100.0) > 0
