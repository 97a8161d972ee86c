"""Deciding about one subject, the plain way: read all that was said, and answer with the entry that
decides.

This is the reference. `projection.Projection` answers for everybody at once and must agree with it.
The default is no.
"""

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from consent.errors import ConsentDenied
from consent.rules import (
    SKEW_MS,
    LoggedEvent,
    Place,
    Query,
    Reason,
    Scope,
    covers,
    failure,
    forbidding_scopes,
    grant_scopes,
    is_quarantined,
    place,
)
from consent.vocabulary import Vocabulary


class Verdict(enum.StrEnum):
    """The two answers."""

    ALLOW = "allow"
    DENY = "deny"


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


def decide(events: Iterable[LoggedEvent], query: Query, vocabulary: Vocabulary) -> Decision:
    """Decide about one subject by all its events in the ledger's prefix, in any order.

    Raises: UnknownPurpose.
    """
    if query.operation not in vocabulary.find(query.purpose).operations:
        return _deny(Reason.OPERATION_NOT_COVERED, None)
    scopes = _by_scope(events, query, vocabulary)
    for scope in forbidding_scopes(query, vocabulary):
        objection = scopes[scope].standing_objection() if scope in scopes else None
        if objection is not None:
            return _deny(Reason(objection.event.state.value), objection.index)
    newest = max(
        (e for s in scopes.values() for e in s.events()),
        key=lambda e: (e.recorded_at_ms, e.index),
        default=None,
    )
    if newest is not None and query.at_ms + SKEW_MS < newest.recorded_at_ms:
        return _deny(Reason.EVALUATED_TOO_EARLY, newest.index)
    grantable = [scopes[s] for s in grant_scopes(query, vocabulary) if s in scopes]
    for history in grantable:
        grant = history.grant_for(query.purpose)
        if grant is not None:
            return Decision(Verdict.ALLOW, Reason.PERMITTED, grant.index)
    if grantable:
        return grantable[0].explain()
    return _deny(Reason.NO_EVIDENCE, None)


def _deny(reason: Reason, index: int | None) -> Decision:
    return Decision(Verdict.DENY, reason, index)


def _by_scope(
    events: Iterable[LoggedEvent], query: Query, vocabulary: Vocabulary
) -> "dict[Scope, _History]":
    relevant = set(forbidding_scopes(query, vocabulary))
    streams: dict[Scope, dict[str, list[LoggedEvent]]] = {}
    for e in events:
        scope = (e.event.purpose, e.event.recipient, e.event.channel)
        if scope in relevant and not is_quarantined(e.recorded_at_ms, e.event):
            streams.setdefault(scope, {}).setdefault(e.event.source_id, []).append(e)
    return {
        scope: _History([_Stream(s, query, vocabulary) for s in by_source.values()], vocabulary)
        for scope, by_source in streams.items()
    }


class _Stream:
    """What one source said about one scope, latest last."""

    def __init__(self, events: list[LoggedEvent], query: Query, vocabulary: Vocabulary) -> None:
        self.events = sorted(events, key=_place)
        self.winner = self.events[-1]
        self.failure = failure(self.winner.event, vocabulary)
        until = self.winner.event.valid_until_ms
        if self.failure is None and until is not None and until <= query.at_ms:
            self.failure = Reason.EXPIRED
        self.objection = self._uncleared_objection()
        self.trust = max(e.event.source_trust for e in events)

    @property
    def says_yes(self) -> bool:
        return self.failure is None and self.objection is None

    def _uncleared_objection(self) -> LoggedEvent | None:
        """Rule 3: a no stands until an explicit grant that is strictly newer; a copy never lifts
        it.
        """
        objections = [e for e in self.events if e.event.state.is_objection]
        if not objections:
            return None
        last = objections[-1]
        cleared = any(
            e.event.is_explicit_grant and _place(e)[0] > _place(last)[0] for e in self.events
        )
        return None if cleared else last


class _History:
    """What all sources said about one scope."""

    def __init__(self, streams: list[_Stream], vocabulary: Vocabulary) -> None:
        self._streams, self._vocabulary = streams, vocabulary

    def events(self) -> Iterable[LoggedEvent]:
        return (e for s in self._streams for e in s.events)

    def _is_settled(self, stream: _Stream) -> bool:
        """Rule 3 across sources: a newer explicit grant, by more than the skew, of at least this
        trust.
        """
        return any(
            other.says_yes
            and other.winner.event.is_explicit_grant
            and other.winner.event.source_trust >= stream.trust
            and _place(other.winner)[0] > _place(stream.winner)[0] + SKEW_MS
            for other in self._streams
        )

    def standing_objection(self) -> LoggedEvent | None:
        objecting = [s for s in self._streams if s.objection is not None]
        if all(self._is_settled(s) for s in objecting):
            return None
        return max((s.objection for s in objecting if s.objection is not None), key=_place)

    def _permits(self) -> bool:
        """Rule 4: every source that said anything must say yes, or be settled by a newer act."""
        yes = any(s.says_yes for s in self._streams)
        return yes and all(s.says_yes or self._is_settled(s) for s in self._streams)

    def grant_for(self, purpose: str) -> LoggedEvent | None:
        if not self._permits():
            return None
        granting = [
            s.winner
            for s in self._streams
            if s.says_yes and covers(s.winner.event, purpose, self._vocabulary)
        ]
        return max(granting, key=_place, default=None)

    def explain(self) -> Decision:
        """Return the denial of a scope without a standing objection and without a fitting grant."""
        latest = max(self._streams, key=lambda s: _place(s.winner))
        if self._permits():
            return _deny(Reason.NOT_LISTED, latest.winner.index)
        if any(s.says_yes for s in self._streams):
            against = [s.winner for s in self._streams if not s.says_yes]
            return _deny(Reason.SOURCES_DISAGREE, max(against, key=_place).index)
        return _deny(latest.failure or Reason.UNKNOWN, latest.winner.index)


def _place(e: LoggedEvent) -> Place:
    return place(e.index, e.recorded_at_ms, e.event)
