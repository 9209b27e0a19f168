"""Status lists of a country: 1.4 billion credentials of which 1 % are revoked, built, read and looked up in."""

from __future__ import annotations

import random
import resource
import time
import zlib
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from bench.measure import BenchError, Cost, Limit, Line
from bench.stage import Stage
from yima.crypto import SigningKey
from yima.healthcode import trust
from yima.healthcode.trust import statuslist
from yima.runtime import clock

CREDENTIALS: Final = 1_400_000_000
REVOKED: Final = 0.01
PLACES: Final = 1 << 20
WHOLE: Final = -(-CREDENTIALS // PLACES)
"""1,336 lists."""
_PER_LIST: Final = round(PLACES * REVOKED)
_LOOKS: Final = 200_000
_READS: Final = 100
_FETCHES: Final = 20
_URI: Final = "https://health.example/.well-known/status-lists/1"


async def status(stage: Stage) -> list[Line]:
    """Building all lists one after the other, building one from the database, reading one, looking up in it."""
    now = clock.now()
    async with stage.access.database.transaction() as c:
        signer = await trust.signer(c, stage.keys, "ES256", "status-list", now)
    roots = trust.read_roots((await stage.access.publisher.roots(now)).body.decode())
    known = trust.read_trust_list((await stage.access.publisher.trust_list("ES256", now)).body.decode(), roots, now)
    return [_build(stage.plan.status_lists), await _served(stage), *_read(signer.key, signer.key_id, known)]


def _build(count: int) -> Line:
    """One list at a time: nothing of the one before stays in memory."""
    chance = random.Random(1)
    sizes: list[int] = []
    spent, least, smallest = 0.0, 0.0, 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(count):
        revoked = chance.sample(range(PLACES), _PER_LIST)
        began = time.process_time()
        content = statuslist.pack(PLACES, revoked)
        lst = statuslist.compress(content)
        spent += time.process_time() - began
        sizes.append(len(lst))
        if len(sizes) <= _FETCHES:
            began = time.process_time()
            smallest += len(zlib.compress(content, 9))
            least += time.process_time() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) / 1024
    tried = min(count, _FETCHES)
    limit = Limit("zlib level 9, same bits", tried / least)
    note = (
        f"{count:,} lists, {count * PLACES / 8e6:,.1f} MB raw, {sum(sizes) / 1e6:,.1f} MB compressed, "
        f"{sum(sizes) / count / 1e3:.1f} KB a list, {spent:,.1f} s in all, {grown:,.1f} MB more memory; "
        f"level 9: {smallest / tried * count / 1e6:,.1f} MB, {smallest / tried / 1e3:.1f} KB a list"
    )
    what = f"build a status list, {_PER_LIST:,} of {PLACES:,} revoked, one core"
    return Line("status-build", what, count / spent, Cost(spent / count * 1e6), limit, "", note, "lists")


async def _served(stage: Stage) -> Line:
    """A list of the database, changed before every fetch, as a worker that has nothing in memory serves it."""
    database, now = stage.access.database, clock.now()
    async with database.transaction() as c:
        signer = await trust.signer(c, stage.keys, "ES256", "identity", now)
        drawn = random.Random(2).sample(range(PLACES), _PER_LIST)
        await c.execute(_REVOKE, signer.number, drawn, now)
        await c.execute("update healthcode.signer set status_version = 1 where number = $1", signer.number)
    began, size = time.perf_counter(), 0
    for _ in range(_FETCHES):
        fresh = trust.Publisher(database, stage.keys, "https://health.example")
        size = len((await fresh.status_list(signer.number, trust.CWT, now)).body)
    spent = time.perf_counter() - began
    bare = time.perf_counter()
    for _ in range(_FETCHES):
        await database.fetchrow(_INDEXES, signer.number)
    limit = Limit("the SELECT of its indexes", _FETCHES / (time.perf_counter() - bare))
    what, note = "build, sign and serve a list from the database", f"{size:,} bytes as CWT"
    return Line("status-serve", what, _FETCHES / spent, Cost(spent / _FETCHES * 1e6), limit, "", note, "lists")


_REVOKE: Final = """
insert into healthcode.revocation (list, index, version, at, reason)
select $1, unnest($2::integer[]), 1, $3, 'bench'
"""
_INDEXES: Final = "select string_agg(int4send(index), ''::bytea) from healthcode.revocation where list = $1"


def _read(key: SigningKey, key_id: bytes, known: trust.Trust) -> list[Line]:
    now = clock.now()
    times = statuslist.Times(now, now + timedelta(days=7), timedelta(hours=1))
    revoked = set(random.Random(3).sample(range(PLACES), _PER_LIST))
    lst = statuslist.compress(statuslist.pack(PLACES, revoked))
    data = statuslist.sign_cwt(key, key_id, statuslist.cwt_claims(_URI, 1, times, lst, _URI))
    spent = _seconds(lambda: trust.read_status_list(data, known, now), _READS)
    message, signature = data, key.sign(data)
    least = _seconds(lambda: (key.public.verify(message, signature), zlib.decompress(lst)), _READS)
    limit = Limit("ES256 check + zlib alone", _READS / least)
    what, cost = "check and open a list (CWT), as a scanner does, one core", Cost(spent / _READS * 1e6)
    reading = Line("status-read", what, _READS / spent, cost, limit, "80 %", f"{len(data):,} bytes", "lists")
    held = trust.read_status_list(data, known, now)
    looked = random.Random(4).choices(range(PLACES), k=_LOOKS)
    began = time.process_time()
    found = [held.is_revoked(index) for index in looked]
    spent = time.process_time() - began
    if found != [index in revoked for index in looked]:
        raise BenchError("a status list says what was not put into it")
    what = "look one credential up in an open list, one core"
    return [reading, Line("status-lookup", what, _LOOKS / spent, Cost(spent / _LOOKS * 1e6), unit="look-ups")]


def _seconds(work: Callable[[], object], count: int) -> float:
    began = time.process_time()
    for _ in range(count):
        work()
    return time.process_time() - began
