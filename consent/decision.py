"""Deciding about one subject, the plain way: read all that was said, and answer with the entry that
decides.

This is the reference. `projection.Projection` answers for everybody at once and must agree with it.
The default is no.
"""

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from consent.errors import ConsentDenied
from consent.fields import Entry
from consent.history import History
from consent.merging import with_merges
from consent.narrowing import narrowed
from consent.reasons import SKEW_MS, Query, Reason, Scope, forbidding_scopes, grant_scopes
from consent.vocabulary import Vocabulary


class Verdict(enum.StrEnum):
    """The three answers."""

    ALLOW = "allow"
    ALLOW_NON_PERSONALISED = "allow-non-personalised"
    """Yes, if no machine chooses what the person gets (PIPL 24)."""
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class LoggedEntry:
    """An entry about the subject, where it stands in the ledger."""

    index: int
    recorded_at_ms: int
    record: Entry


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer, why, and the index of the ledger entry that decided it (None where none did)."""

    outcome: Verdict
    reason: Reason
    deciding_index: int | None

    def require(self) -> None:
        """Return if the answer is yes.

        Raises: ConsentDenied.
        """
        if self.outcome is not Verdict.ALLOW:
            raise ConsentDenied(self.reason.value, self.deciding_index)


def decide(entries: Iterable[LoggedEntry], query: Query, vocabulary: Vocabulary) -> Decision:
    """Decide about one subject by all its entries in the ledger's prefix, in any order.

    Where records of the person were merged, the entries of all of them are needed.

    Raises: UnknownPurpose.
    """
    if query.operation not in vocabulary.find(query.purpose).operations:
        return _deny(Reason.OPERATION_NOT_COVERED, None)
    known = list(entries)
    decided = _consent(known, query, vocabulary)
    if decided.outcome is not Verdict.ALLOW:
        return decided
    return _narrow(decided, known, query, vocabulary)


def _consent(entries: Sequence[LoggedEntry], query: Query, vocabulary: Vocabulary) -> Decision:
    relevant = list(forbidding_scopes(query, vocabulary))
    histories: dict[Scope, History] = {}
    for scope in relevant:
        of_scope = with_merges(entries, scope, vocabulary)
        if of_scope:
            histories[scope] = History(of_scope, query.at_ms)
    for scope in relevant:
        objection = histories[scope].standing_objection() if scope in histories else None
        if objection is not None:
            reason = objection.judgement.objection
            assert reason is not None
            return _deny(reason, objection.index)
    newest = max(
        (s for h in histories.values() for s in h.said if s.origin),
        key=lambda s: (s.recorded_ms, s.index),
        default=None,
    )  # fmt: skip
    if newest is not None and query.at_ms + SKEW_MS < newest.recorded_ms:
        return _deny(Reason.EVALUATED_TOO_EARLY, newest.index)
    grantable = [histories[s] for s in grant_scopes(query, vocabulary) if s in histories]
    for history in grantable:
        grant = history.grant_for(query.purpose)
        if grant is not None:
            return Decision(Verdict.ALLOW, Reason.PERMITTED, grant.index)
    if grantable:
        return _deny(*grantable[0].explain())
    return _deny(Reason.NO_EVIDENCE, None)


def _narrow(
    decided: Decision, entries: Sequence[LoggedEntry], query: Query, vocabulary: Vocabulary
) -> Decision:
    """Preferences can only narrow what consent permits."""
    found = narrowed(entries, query, vocabulary)
    if found is None:
        return decided
    reason, index = found
    if reason is Reason.NOT_PERSONALISED:
        return Decision(Verdict.ALLOW_NON_PERSONALISED, reason, index)
    return _deny(reason, index)


def _deny(reason: Reason, index: int | None) -> Decision:
    return Decision(Verdict.DENY, reason, index)
