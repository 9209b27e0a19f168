"""The FHIR store: versions, history, search, transactions. It knows no policy; only `access` may import it.

Face: `Write`, `transact` and `create` (in the caller's transaction), `Reader` (coalesced point reads), `search`,
`everything`, `contents` (the same, to hand out), `history`, `reindex`, the pure `overview` of a record, and
`Overviews`, which keep its first half.
"""

from yima.records import summary
from yima.records.chosen import choose, clear_sandbox, located
from yima.records.erasure import (
    Erased,
    Erasure,
    Proposal,
    Scope,
    certificates,
    certify,
    erase,
    erasure_by_id,
    erasure_counts,
    erasures,
    propose_erasure,
    withdraw_erasure,
)
from yima.records.exporting import homes_after, rows_of
from yima.records.home import Opened, Overviews, these
from yima.records.overview import TYPES as OVERVIEW_TYPES
from yima.records.overview import Overview, overview
from yima.records.pages import Page
from yima.records.past import Times, sandbox_history
from yima.records.read import (
    Content,
    Reader,
    Sight,
    Stored,
    classes_of,
    contents,
    everything,
    existing,
    history,
    total,
    version,
)
from yima.records.reindex import Batch, Position, reindex
from yima.records.sealing import rewrap_keys, seal_rows, unsealed
from yima.records.search import Part, search, search_parts
from yima.records.shares import Ceiling
from yima.records.spots import START, Spot, Wanted
from yima.records.words import word_key, word_keys
from yima.records.write import Origin, Write, Written, create, transact

__all__ = [
    "OVERVIEW_TYPES",
    "START",
    "Batch",
    "Ceiling",
    "Content",
    "Erased",
    "Erasure",
    "Opened",
    "Origin",
    "Overview",
    "Overviews",
    "Page",
    "Part",
    "Position",
    "Proposal",
    "Reader",
    "Scope",
    "Sight",
    "Spot",
    "Stored",
    "Times",
    "Wanted",
    "Write",
    "Written",
    "certificates",
    "certify",
    "choose",
    "classes_of",
    "clear_sandbox",
    "contents",
    "create",
    "erase",
    "erasure_by_id",
    "erasure_counts",
    "erasures",
    "everything",
    "existing",
    "history",
    "homes_after",
    "located",
    "overview",
    "propose_erasure",
    "reindex",
    "rewrap_keys",
    "rows_of",
    "sandbox_history",
    "seal_rows",
    "search",
    "search_parts",
    "summary",
    "these",
    "total",
    "transact",
    "unsealed",
    "version",
    "withdraw_erasure",
    "word_key",
    "word_keys",
]
