"""What merging two records of one person leaves open, read entry by entry: rule 4.

The plain half of the reference for `scope_state.ScopeState.merge`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from consent.history import History, Logged, Said, judged
from consent.instants import FOREVER
from consent.judging import Judgement
from consent.merges import SubjectsMerged
from consent.reasons import NUMBER_OF, Reason, Scope
from consent.statements import SubjectEntry
from consent.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Merge:
    """One merge, and which records stood on each side of it."""

    index: int
    at_ms: int
    sides: tuple[frozenset[str], frozenset[str]]


def merges_of(entries: Sequence[Logged]) -> list[Merge]:
    """Return the merges among a person's entries, in the order of the ledger."""
    group = {
        e.record.subject_id: frozenset({e.record.subject_id})
        for e in entries
        if isinstance(e.record, SubjectEntry)
    }
    found: dict[int, Merge] = {}
    for e in sorted(entries, key=lambda e: e.index):
        if isinstance(e.record, SubjectsMerged) and e.index not in found:
            kept = group.setdefault(e.record.subject_id, frozenset({e.record.subject_id}))
            other = group.setdefault(e.record.absorbed, frozenset({e.record.absorbed}))
            if kept != other:
                found[e.index] = Merge(e.index, e.recorded_at_ms, (kept, other))
                group.update(dict.fromkeys(kept | other, kept | other))
    return list(found.values())


def with_merges(entries: Sequence[Logged], scope: Scope, vocabulary: Vocabulary) -> list[Said]:
    """Return what was said about a scope, and what merges left open in it."""
    left_open: list[tuple[frozenset[str], Said]] = []
    for merge in merges_of(entries):
        known, permits, objections = False, True, list[Reason]()
        for side in merge.sides:
            before = [e for e in entries if e.index < merge.index and _is_of(e, side)]
            said = [s for s in judged(before, vocabulary) if s.judgement.scope == scope]
            said += [s for group, s in left_open if group <= side]
            known |= bool(said)
            if not said:
                permits = False
                continue
            history = History(said, merge.at_ms)
            objection = history.standing_objection()
            permits &= history.permits() and objection is None
            if objection is not None and objection.judgement.objection is not None:
                objections.append(objection.judgement.objection)
        if known and not permits:
            left_open.append((merge.sides[0] | merge.sides[1], _open(merge, scope, objections)))
    said = [s for s in judged(entries, vocabulary) if s.judgement.scope == scope]
    return said + [s for _, s in left_open]


def _is_of(entry: Logged, side: Iterable[str]) -> bool:
    return isinstance(entry.record, SubjectEntry) and entry.record.subject_id in side


def _open(merge: Merge, scope: Scope, objections: Sequence[Reason]) -> Said:
    """Return what nobody said, as an event from the merge on: a no, or nothing."""
    objection = min(objections, key=lambda o: NUMBER_OF[o], default=None)
    nothing = Judgement(
        scope=scope,
        source=f"merge {merge.index}",
        rank=1 if objection is None else 2,
        objection=objection,
        failure=objection or Reason.UNKNOWN,
        act=False,
        act_before_ms=FOREVER,
        holds_until_ms=FOREVER,
        covered=(),
        guardian=False,
        guardian_below=0,
        back_ms=FOREVER,
        trust=0,
        max_uses=None,
    )
    return Said(
        index=merge.index,
        recorded_ms=merge.at_ms,
        time_ms=merge.at_ms,
        until_ms=FOREVER,
        judgement=nothing,
        age=None,
        used_up=False,
        origin="",
    )
