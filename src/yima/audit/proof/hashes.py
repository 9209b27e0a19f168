"""The hashes of nodes for proofs: from full tiles, which never change, and from the right edge of the tree.

What was read once is kept: the edges of the newest head, and tiles above the lowest level, of which a hundred million
lines have fifteen hundred. A proof then reads one tile of leaves.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from yima.audit.proof import tree
from yima.audit.proof.tree import HASH_BYTES, TILE_LEVELS, TILE_WIDTH, Node
from yima.runtime.database import Connection, Database, Queries

SQL = Queries(__package__)
_Place = tuple[int, int]
"""Tile level and the number of a tile on it."""
_Layers = tuple[bytes, ...]
"""As `tree.layers` gives them."""
_KEPT: Final = 2048
"""Tiles that a process keeps: 32 MB at most, half a million lines each on the first level above leaves."""


def full_tiles(size: int, level: int) -> int:
    """How many tiles of a level are full in a tree of `size` leaves."""
    return size >> TILE_LEVELS * (level + 1)


class Tree:
    """The tree as it is stored, for proofs."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tiles: OrderedDict[_Place, _Layers] = OrderedDict()
        self._edges: dict[int, dict[int, _Layers]] = {}
        """By size, by level: the layers of what stands behind the last full tile."""
        self._roots: dict[int, bytes] = {}

    def believe(self, size: int, root: bytes) -> None:
        """Forget all when the tree of this size has another root than before: the log was restored from a copy."""
        if self._roots.setdefault(size, root) != root or size < max(self._roots):
            self._tiles.clear()
            self._edges.clear()
        self._roots = {size: root}

    async def inclusion(self, position: int, size: int, whole: int = 0) -> list[bytes]:
        """The hashes that prove a position of a tree of `size` leaves (RFC 9162, 2.1.3). `whole`: the leaves there are,
        where the proof is for an earlier size."""
        return await self.path(tree.inclusion_ranges(position, size), whole or size)

    async def path(self, ranges: Sequence[tuple[int, int]], size: int) -> list[bytes]:
        """The roots over ranges of a tree of `size` leaves."""
        wanted = {node for begin, end in ranges for node in tree.cover(begin, end)}
        return tree.prove(ranges, await self._nodes(wanted, size))

    async def _nodes(self, wanted: Iterable[Node], size: int) -> Callable[[Node], bytes]:
        places = {node: (node[0] // TILE_LEVELS, node[1] >> TILE_LEVELS - node[0] % TILE_LEVELS) for node in wanted}
        full = {place for place in places.values() if place[1] < full_tiles(size, place[0])}
        held = await self._full(full)
        if len(full) < len(set(places.values())):
            edges = await self._edges_of(size)
            held |= {(level, full_tiles(size, level)): layers for level, layers in edges.items()}

        def hash_of(node: Node) -> bytes:
            level, index = node
            height = level % TILE_LEVELS
            at = index % (TILE_WIDTH >> height) * HASH_BYTES
            return held[places[node]][height][at : at + HASH_BYTES]

        return hash_of

    async def _full(self, wanted: set[_Place]) -> dict[_Place, _Layers]:
        """The layers of full tiles, by place."""
        held = {place: self._tiles[place] for place in wanted if place in self._tiles}
        if missing := sorted(wanted - held.keys()):
            levels, numbers = zip(*missing, strict=True)
            for row in await self._database.fetch(SQL.tiles, list(levels), list(numbers)):
                held[row["level"], row["number"]] = tree.layers(row["hashes"])
        for place in wanted:
            if place[0] and place in held:  # the lowest tiles are too many to be asked for twice
                self._tiles[place] = held[place]
                self._tiles.move_to_end(place)
        while len(self._tiles) > _KEPT:
            self._tiles.popitem(last=False)
        return held

    async def _edges_of(self, size: int) -> dict[int, _Layers]:
        edges = self._edges.get(size)
        if edges is None:
            hashes = await edge_hashes(self._database, size)
            edges = {level: tree.layers(b"".join(edge)) for level, edge in enumerate(hashes)}
            self._edges = {size: edges}  # those of earlier heads are not asked for again
        return edges


async def edge_hashes(c: Database | Connection, size: int) -> list[list[bytes]]:
    """For each tile level the hashes that stand in no full tile yet: those of leaves, and the roots of tiles below."""
    levels = max(1, -(-size.bit_length() // TILE_LEVELS))
    spans = [(full_tiles(size, level) * TILE_WIDTH, size >> TILE_LEVELS * level) for level in range(levels)]
    edges: list[list[bytes]] = [[] for _ in spans]
    if spans[0][0] < size:
        edges[0] = [row["hash"] for row in await c.fetch(SQL.leaves, *spans[0])]
    above = [(level, begin, end) for level, (begin, end) in enumerate(spans[1:]) if begin < end]
    if above:
        for row in await c.fetch(SQL.roots, *map(list, zip(*above, strict=True))):
            edges[row["level"] + 1].append(row["root"])
    return edges
