"""Once a minute: does every answer about a person have its line, and every line its request? What does not meet is told
to the privacy officer, and counted.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from yima import audit, oversight
from yima.access.context import Context
from yima.runtime import logs, metrics
from yima.runtime.database import Connection

_log = logs.get("reconciling")


async def reconcile(cx: Context, now: datetime) -> audit.Reconciled:
    """Write down what this worker answered, then compare what all workers wrote with the log: see `audit.answered`."""
    await cx.answered.write(cx.database)
    found = await cx.database.retry(lambda c: _reconcile(c, now))
    metrics.reconciled.inc(found.answers)
    for hole in found.holes:
        metrics.holes.labels(hole.kind).inc(hole.count)
        _log.error("hole in the log", kind=hole.kind, route=hole.route, request_id=hole.request_id, count=hole.count)
    return found


async def _reconcile(c: Connection, now: datetime) -> audit.Reconciled:
    found = await audit.reconcile(c, now)
    counted: Counter[tuple[str, str]] = Counter()
    for hole in found.holes:
        counted[hole.kind, f"address/{hole.route}" if hole.route else "log/lines"] += hole.count
    hour = now.replace(minute=0, second=0, microsecond=0)
    for (kind, reader), count in counted.items():
        line = next((hole.line for hole in found.holes if hole.kind == kind and hole.line), "")
        alarm = oversight.Alarm(0, kind, reader, 0, now, hour, count, 0, line, stopped=False)  # type: ignore[arg-type]  # both are kinds of alarms
        await oversight.raise_alarm(c, alarm)
    return found
