"""The Merkle tree of the log (RFC 9162, section 2): hashes, the shape of proofs, and their verification. Pure.

A node is named `(level, index)`: the root of the perfect subtree over the leaves `index * 2**level` and on. Every range
of leaves that a proof speaks of is such a node or made of a few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from struct import Struct
from typing import Final

HASH_BYTES: Final = 32
EMPTY: Final = sha256(b"").digest()
"""The root of a tree without leaves (RFC 9162, 2.1.1)."""
TILE_LEVELS: Final = 8
TILE_WIDTH: Final = 1 << TILE_LEVELS
_PAIR: Final = Struct(f"{2 * HASH_BYTES}s")
Node = tuple[int, int]
"""(level, index)."""


@dataclass(frozen=True, slots=True)
class Tile:
    """256 hashes side by side (C2SP tlog-tiles): level 0 over leaves, level n over the roots of level n - 1."""

    level: int
    number: int
    root: bytes
    hashes: bytes
    """256 times 32 bytes."""


def leaf_hash(content: bytes) -> bytes:
    """SHA-256 of 0x00 and the leaf (RFC 9162, 2.1.1)."""
    return sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01 and both children (RFC 9162, 2.1.1)."""
    return sha256(b"\x01" + left + right).digest()


def fold(hashes: bytes) -> bytes:
    """The root over a power of two of sibling hashes, one after the other."""
    while len(hashes) > HASH_BYTES:
        hashes = parents(hashes)
    return hashes


def parents(hashes: bytes) -> bytes:
    """The hashes above sibling hashes, one after the other; one that has no sibling yet is left out."""
    pairs = _PAIR.iter_unpack(hashes[: len(hashes) // _PAIR.size * _PAIR.size])
    return b"".join([sha256(b"\x01" + pair).digest() for (pair,) in pairs])


def layers(hashes: bytes) -> tuple[bytes, ...]:
    """The hashes of a tile, full or not, and above them those of every complete subtree, up to its eighth level."""
    found = [hashes]
    for _ in range(TILE_LEVELS):
        found.append(parents(found[-1]))
    return tuple(found)


def cover(begin: int, end: int) -> list[Node]:
    """The nodes of the subtree over leaves `begin` to `end` (not included), the largest first; joined from the right
    they give its root. `begin` is a multiple of the largest power of two below the range's length, as in every proof.
    """
    nodes: list[Node] = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        nodes.append((level, begin >> level))
        begin += 1 << level
    return nodes


def join(hashes: Sequence[bytes]) -> bytes:
    """The root over the hashes of a `cover`."""
    if not hashes:
        return EMPTY
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """The ranges of leaves whose roots prove that leaf `index` is in the tree of `size`, nearest first (2.1.3.1)."""
    begin, end, ranges = 0, size, []
    while end - begin > 1:
        middle = begin + (1 << (end - begin - 1).bit_length() - 1)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((begin, middle))
            begin = middle
    return ranges[::-1]


def consistency_ranges(first: int, second: int) -> list[tuple[int, int]]:
    """The ranges whose roots prove that the tree of `first` leaves is the beginning of that of `second` (2.1.4.1)."""
    begin, end, ranges, whole = 0, second, [], True
    while first != end:
        middle = begin + (1 << (end - begin - 1).bit_length() - 1)
        if first <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((begin, middle))
            begin, whole = middle, False
    return ([] if whole else [(begin, end)]) + ranges[::-1]


def prove(ranges: Iterable[tuple[int, int]], node: Callable[[Node], bytes]) -> list[bytes]:
    """The hashes of a proof, given those of the nodes."""
    return [join([node(one) for one in cover(begin, end)]) for begin, end in ranges]


def root_by_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes | None:
    """The root that a proof of inclusion leads to (2.1.3.2), or None when its length is not that of such a proof."""
    if not 0 <= index < size:
        return None
    at, last, root = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            root = node_hash(sibling, root)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        at, last = at >> 1, last >> 1
    return root if last == 0 else None


def is_consistent(first: int, second: int, first_root: bytes, second_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether a proof shows that the first tree is the beginning of the second (2.1.4.2)."""
    if first == second:
        return not path and first_root == second_root
    if first == 0:
        return not path and first_root == EMPTY
    if not path or first > second:
        return False
    hashes = list(path) if first & (first - 1) else [first_root, *path]
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    one = two = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            one, two = node_hash(sibling, one), node_hash(sibling, two)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            two = node_hash(two, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and one == first_root and two == second_root


class Builder:
    """A growing tree: takes leaf hashes, gives out each tile that fills, and knows the root as it stands."""

    def __init__(self, size: int = 0, edges: Sequence[Sequence[bytes]] = ()) -> None:
        """`edges`: for each tile level the hashes behind its last full tile, fewer than 256."""
        self.size = size
        self._edges = [list(edge) for edge in edges] or [[]]

    def append(self, leaves: Sequence[bytes]) -> list[Tile]:
        """Add the hashes of the next leaves; the tiles that they filled, each behind those that it stands on."""
        filled: list[Tile] = []
        edge, at = self._edges[0], 0
        while at < len(leaves):
            taken = leaves[at : at + TILE_WIDTH - len(edge)]
            edge.extend(taken)
            at += len(taken)
            self.size += len(taken)
            if len(edge) == TILE_WIDTH:
                whole = b"".join(edge)
                edge.clear()
                tile = Tile(0, (self.size >> TILE_LEVELS) - 1, fold(whole), whole)
                filled += [tile, *self._carry(tile.root)]
        return filled

    def append_tile(self, root: bytes) -> list[Tile]:
        """Add 256 leaves by the root of their tile, where a tile begins; the tiles above that they filled."""
        self.size += TILE_WIDTH
        return self._carry(root)

    def _carry(self, root: bytes) -> list[Tile]:
        """Put the root of a full tile on the level above, and so on."""
        filled: list[Tile] = []
        level, carried = 1, root
        while True:
            if level == len(self._edges):
                self._edges.append([])
            edge = self._edges[level]
            edge.append(carried)
            if len(edge) < TILE_WIDTH:
                return filled
            whole = b"".join(edge)
            carried = fold(whole)
            filled.append(Tile(level, (self.size >> TILE_LEVELS * (level + 1)) - 1, carried, whole))
            edge.clear()
            level += 1

    def root(self, more: Sequence[bytes] = ()) -> bytes:
        """The root of the tree as it stands, or with a few leaves more: no more than fill the tile."""
        hashes: list[bytes] = []
        for edge in (*self._edges[:0:-1], [*self._edges[0], *more]):
            hashes += [fold(b"".join(edge[n << level : (n + 1) << level])) for level, n in cover(0, len(edge))]
        return join(hashes)
