"""The tree against the definitions of RFC 9162, written out as the RFC says them."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yima.audit.proof import tree


def mth(leaves: list[bytes]) -> bytes:
    """Merkle Tree Hash, RFC 9162 2.1.1, over leaf hashes."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return tree.node_hash(mth(leaves[:k]), mth(leaves[k:]))


def leaves(n: int) -> list[bytes]:
    return [tree.leaf_hash(str(i).encode()) for i in range(n)]


def grown(n: int) -> tuple[tree.Builder, dict[tuple[int, int], bytes]]:
    builder, nodes = tree.Builder(), {}
    for leaf in leaves(n):
        for tile in builder.append([leaf]):
            nodes[tree.TILE_LEVELS * (tile.level + 1), tile.number] = tile.root
    return builder, nodes


def node_of(all_leaves: list[bytes]):
    return lambda node: mth(all_leaves[node[1] << node[0] : (node[1] + 1) << node[0]])


def test_the_published_roots() -> None:
    """The test tree of RFC 6962's reference implementation: eight inputs, the roots after each."""
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]
    builder = tree.Builder()
    for text, root in zip(inputs, roots, strict=True):
        builder.append([tree.leaf_hash(bytes.fromhex(text))])
        assert builder.root().hex() == root
    assert tree.Builder().root() == tree.EMPTY


@pytest.mark.parametrize("n", [1, 2, 255, 256, 257, 700])
def test_the_growing_root_is_the_root_of_all_leaves(n: int) -> None:
    assert grown(n)[0].root() == mth(leaves(n))


@given(st.integers(1, 300), st.data())
def test_every_leaf_is_proven_and_nothing_else_is(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    held = leaves(size)
    path = tree.prove(tree.inclusion_ranges(index, size), node_of(held))
    assert tree.root_by_inclusion(index, size, held[index], path) == mth(held)
    assert tree.root_by_inclusion(index, size, tree.leaf_hash(b"x"), path) != mth(held)
    assert tree.root_by_inclusion(index, size, held[index], [*path, held[0]]) is None
    if path:
        assert tree.root_by_inclusion(index, size, held[index], path[:-1]) != mth(held)
        other = data.draw(st.integers(0, size - 1).filter(lambda n: n != index))
        assert tree.root_by_inclusion(other, size, held[index], path) != mth(held)


@given(st.integers(1, 300), st.data())
def test_growth_is_proven_and_a_rewrite_is_not(second: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, second))
    held = leaves(second)
    path = tree.prove(tree.consistency_ranges(first, second), node_of(held))
    assert tree.is_consistent(first, second, mth(held[:first]), mth(held), path)
    changed = [*held]
    changed[data.draw(st.integers(0, first - 1))] = tree.leaf_hash(b"rewritten")
    forged = tree.prove(tree.consistency_ranges(first, second), node_of(changed))
    assert not tree.is_consistent(first, second, mth(held[:first]), mth(changed), forged)
    assert not tree.is_consistent(first, second, mth(held[:first]), mth(held), [*path, held[0]])


def test_what_is_no_proof_is_not_taken_for_one() -> None:
    root = mth(leaves(5))
    assert tree.root_by_inclusion(5, 5, leaves(5)[0], []) is None
    assert tree.root_by_inclusion(-1, 5, leaves(5)[0], []) is None
    assert not tree.is_consistent(6, 5, root, root, [root])
    assert not tree.is_consistent(3, 5, root, root, [])
    assert not tree.is_consistent(0, 5, root, root, [])
    assert tree.is_consistent(0, 5, tree.EMPTY, root, [])
    assert not tree.is_consistent(5, 5, root, mth(leaves(4)), [])
