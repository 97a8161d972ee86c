"""Checking what holds keep against what erasures say about them; no token is needed."""

from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import select
from sqlmodel import Session, col

from consent.milestones import Erasure, Hold, OperatorAction
from party_node.erasure.hold_rows import HoldRows
from party_node.erasure.hold_tables import HeldPayloadRow, HoldHalfRow, HoldRow
from party_node.vault import Vault


def damaged(
    session: Session,
    vault: Vault,
    erasures: Mapping[int, Erasure],
    marked: Mapping[int, Sequence[int]],
    actions: Mapping[int, OperatorAction],
) -> Iterator[tuple[str, str]]:
    """Return where something about holds does not fit, and what.

    `marked` has the entries that are marked with each erasure; `actions` the operators' actions.
    """
    rows = session.execute(select(HoldRow).order_by(col(HoldRow.hold))).scalars().all()
    by_erasure: dict[int, list[HoldRow]] = {}
    for row in rows:
        by_erasure.setdefault(row.erasure, []).append(row)
    for index in sorted({*erasures, *by_erasure}):
        said = () if index not in erasures else erasures[index].holds
        kept = [
            Hold(ground=r.ground, until_ms=r.until_ms, entries=r.entries)
            for r in by_erasure.get(index, ())
        ]
        if sorted(kept, key=_order) != sorted(said, key=_order):
            yield f"holds of erasure {index}", "they are not those that the erasure names"
    checks = HoldRows(vault)
    for row in rows:
        ended = actions.get(row.ended) if row.ended is not None else None
        if row.ended is not None and (ended is None or ended.action != "hold-destroyed"):
            yield f"hold {row.hold[:8]}", "the entry that it names does not say that it ended"
        yield from _payloads(session, checks, row, set(marked.get(row.erasure, ())))
        yield from _halves(session, checks, row)
    known = {row.hold for row in rows}
    for table in (HoldHalfRow, HeldPayloadRow):
        for hold in session.execute(select(col(table.hold)).distinct()).scalars():
            if hold not in known:
                yield f"hold {hold[:8]}", "something is kept under it, and there is no such hold"


def _payloads(
    session: Session, checks: HoldRows, row: HoldRow, marked: set[int]
) -> Iterator[tuple[str, str]]:
    query = select(HeldPayloadRow).where(col(HeldPayloadRow.hold) == row.hold)
    found = session.execute(query.order_by(col(HeldPayloadRow.index))).scalars().all()
    expected = row.entries if row.ended is None else 0
    if len(found) != expected:
        yield f"hold {row.hold[:8]}", f"it keeps {len(found)} payloads and should keep {expected}"
    for held in found:
        if held.index not in marked:
            yield f"held payload of entry {held.index}", "its erasure did not take that entry"
        if not checks.fits(held):
            yield f"held payload of entry {held.index}", "it was changed"


def _halves(session: Session, checks: HoldRows, row: HoldRow) -> Iterator[tuple[str, str]]:
    query = select(HoldHalfRow).where(col(HoldHalfRow.hold) == row.hold)
    for half in session.execute(query.order_by(col(HoldHalfRow.name))).scalars():
        if row.ended is not None or not checks.fits(half):
            yield f"hold {row.hold[:8]}", "a half of its key was changed, or should be gone"


def _order(hold: Hold) -> tuple[str, int, int]:
    return hold.ground, hold.until_ms, hold.entries
