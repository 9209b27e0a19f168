"""Ids that clients chose, as one caller means them: a sandbox its own, all others those that institutions share."""

from __future__ import annotations

from yima import records
from yima.directory import Caller
from yima.runtime import ids
from yima.runtime.database import Connection, Database
from yima.runtime.ids import PersonId


def scope_of(caller: Caller) -> int:
    """Within which a chosen id is good for this caller."""
    return caller.institution if caller.sandbox else 0


async def home_of(
    source: Database | Connection, caller: Caller, resource_type: str, resource_id: str
) -> PersonId | None:
    """Where the resource lies that the caller means, or None."""
    home = ids.home_of(resource_id)
    if home is not None:
        return home
    key = (resource_type, resource_id)
    return (await records.located(source, scope_of(caller), [key])).get(key)


def indexed(caller: Caller, patient: str) -> str:
    """A Patient's id as the person index knows it: there an id means one, but two sandboxes may choose alike."""
    return f"{caller.institution}:{patient}" if caller.sandbox and ids.home_of(patient) is None else patient


def shown(patient: str) -> str:
    """The Patient's own id again."""
    return patient.rpartition(":")[2]
