"""The log that cannot lie: its lines are leaves of a Merkle tree, whose signed heads anybody may keep.

Face: `Log` (seal, heads, proofs, from the database), `check` (is all as it was sealed), and the pure halves that
outsiders need: `read_head`, `check_line`, `check_growth` and what they are made of.
"""

from yima.audit.proof.checking import Findings, check, differences
from yima.audit.proof.cosigning import Cosignature, Cosigner, cosignature, is_witness_name
from yima.audit.proof.hashes import Tree
from yima.audit.proof.head import COSIGNER, Head, HeadSigner, Verifier, read_head, read_verifier
from yima.audit.proof.leaf import Leaf, content
from yima.audit.proof.log import Inclusion, Log
from yima.audit.proof.paper import (
    HeadPaper,
    LineProof,
    check_growth,
    check_line,
    read_head_paper,
    read_line_proof,
    text_of,
)
from yima.audit.proof.parts import Problem, Spread
from yima.audit.proof.tree import is_consistent, leaf_hash, root_by_inclusion
from yima.audit.proof.witnesses import Witness, Witnesses

__all__ = [
    "COSIGNER", "Cosignature", "Cosigner", "Findings", "Head", "HeadPaper", "HeadSigner", "Inclusion", "Leaf",
    "LineProof", "Log", "Problem", "Spread", "Tree", "Verifier", "Witness", "Witnesses", "check", "check_growth",
    "check_line", "content", "cosignature", "differences", "is_consistent", "is_witness_name", "leaf_hash",
    "read_head", "read_head_paper", "read_line_proof", "read_verifier", "root_by_inclusion", "text_of",
]  # fmt: skip
