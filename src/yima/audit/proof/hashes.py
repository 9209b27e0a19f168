"""The hashes of nodes, from tiles where they are full and from the right edge where they are not: three statements."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from yima.audit.proof.tree import HASH_BYTES, TILE_LEVELS, TILE_WIDTH, Node, fold
from yima.runtime.database import Connection, Database, Queries

SQL = Queries(__package__)
_Place = tuple[int, int]
"""Tile level and the index of a hash on it."""


def full_tiles(size: int, level: int) -> int:
    """How many tiles of a level are full in a tree of `size` leaves."""
    return size >> TILE_LEVELS * (level + 1)


async def nodes(c: Database | Connection, size: int, wanted: Iterable[Node]) -> Callable[[Node], bytes]:
    """The hash of each of the wanted nodes of a tree of `size` leaves, as a function of the node."""
    spans = {node: _span(node) for node in wanted}
    full: set[_Place] = set()
    edges: dict[int, tuple[int, int]] = {}
    for level, begin, end in spans.values():
        tile = begin // TILE_WIDTH
        if tile < full_tiles(size, level):
            full.add((level, tile))
        else:
            low, high = edges.get(level, (begin, end))
            edges[level] = (min(low, begin), max(high, end))
    tiles = await _tiles(c, full)
    edge = await edge_hashes(c, edges)

    def siblings(level: int, begin: int, end: int) -> bytes:
        tile = tiles.get((level, begin // TILE_WIDTH))
        if tile is None:
            return b"".join([edge[level, place] for place in range(begin, end)])
        first = begin % TILE_WIDTH * HASH_BYTES
        return tile[first : first + (end - begin) * HASH_BYTES]

    hashes = {node: fold(siblings(*span)) for node, span in spans.items()}
    return hashes.__getitem__


def _span(node: Node) -> tuple[int, int, int]:
    """(tile level, first, behind the last) of the hashes under a node: all in one tile."""
    level, index = node
    below = level % TILE_LEVELS
    return level // TILE_LEVELS, index << below, (index + 1) << below


async def _tiles(c: Database | Connection, wanted: set[_Place]) -> dict[_Place, bytes]:
    """The hashes of full tiles, by tile level and number."""
    if not wanted:
        return {}
    levels, numbers = zip(*sorted(wanted), strict=True)
    rows = await c.fetch(SQL.tiles, list(levels), list(numbers))
    return {(row["level"], row["number"]): row["hashes"] for row in rows}


async def edge_hashes(c: Database | Connection, edges: dict[int, tuple[int, int]]) -> dict[_Place, bytes]:
    """Hashes that stand in no full tile yet: those of leaves, and the roots of the tiles below."""
    found: dict[_Place, bytes] = {}
    if 0 in edges:
        found = {(0, row["position"]): row["hash"] for row in await c.fetch(SQL.leaves, *edges[0])}
    above = sorted((level - 1, low, high) for level, (low, high) in edges.items() if level)
    if above:
        rows = await c.fetch(SQL.roots, *map(list, zip(*above, strict=True)))
        found |= {(row["level"] + 1, row["number"]): row["root"] for row in rows}
    return found
