"""Reindexing the store: a maintenance job of the operator. Nobody's record is shown, so nothing is logged."""

from __future__ import annotations

from yima import records
from yima.access.context import Context


class Reindexing:
    """The door's part for `yima reindex`; `Access.reindexing`."""

    def __init__(self, cx: Context) -> None:
        self._cx = cx

    async def total(self) -> int:
        """How many resources there are, deleted ones included."""
        return await records.total(self._cx.database)

    async def batch(self, after: records.Position, most: int, *, bare: bool = False) -> records.Batch:
        """The next `most` resources: see `records.reindex`."""
        cx = self._cx
        return await records.reindex(cx.database, cx.vault, after, index_key=cx.index_key, most=most, bare=bare)
