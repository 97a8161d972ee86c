"""What stands for one person while a signal is weighed: permissions, objections, confirmations.

Like `consent.decision`, of which it uses the plain half, but by scope and without preferences: they
only narrow, and a signal is about consent.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from consent.decision import LoggedEntry
from consent.events import ConsentEvent, EventType
from consent.history import History, Said, judged
from consent.merges import SubjectsMerged
from consent.merging import with_merges
from consent.reasons import Query, Scope, forbidding_scopes, grant_scopes
from consent.signal_records import SignalKind
from consent.vocabulary import Vocabulary
from consent.words import ANY_CHANNEL, SELF, Operation


def stream_of(kind: SignalKind) -> str:
    """Return the source of the consent events that follow from a signal: a stream of their own."""
    return f"signal:{kind.value}"


class Standing:
    """One person's consent at an instant, from all that was said about them but signals."""

    def __init__(self, entries: Sequence[LoggedEntry], vocabulary: Vocabulary, at_ms: int) -> None:
        self.entries, self.vocabulary, self._at_ms = entries, vocabulary, at_ms
        self._said: dict[Scope, list[Said]] = {}
        for said in judged(entries, vocabulary):
            if said.judgement.scope is not None:
                self._said.setdefault(said.judgement.scope, []).append(said)
        if any(isinstance(e.record, SubjectsMerged) for e in entries):
            self._said = {scope: with_merges(entries, scope, vocabulary) for scope in self._said}
        self._histories = {scope: History(said, at_ms) for scope, said in self._said.items()}
        self._objecting = frozenset(
            scope for scope, h in self._histories.items() if h.standing_objection() is not None
        )

    # -- what holds --------------------------------------------------------------------------------

    def permits(self, purpose: str, recipient: str, channel: str = ANY_CHANNEL) -> bool:
        """Whether consent lets a recipient use data for a purpose."""
        if self.forbids(purpose, recipient, channel):
            return False
        query = self._query(purpose, recipient, channel)
        granting = (self._histories.get(s) for s in grant_scopes(query, self.vocabulary))
        return any(h is not None and h.grant_for(purpose) is not None for h in granting)

    def forbids(self, purpose: str, recipient: str, channel: str = ANY_CHANNEL) -> bool:
        """Whether a no stands anywhere that forbids it."""
        query = self._query(purpose, recipient, channel)
        return any(self.objects(s) for s in forbidding_scopes(query, self.vocabulary))

    def permitted(self, purposes: Iterable[str]) -> frozenset[Scope]:
        """Return every scope with one of these purposes in which something is permitted."""
        towards = {(recipient, channel) for _, recipient, channel in self._said}
        return frozenset(
            (p, *where) for p in purposes for where in towards if self.permits(p, *where)
        )

    def objects(self, scope: Scope) -> bool:
        """Whether a no stands in exactly this scope."""
        return scope in self._objecting

    def holds(self, said: Said) -> bool:
        """Whether a yes permits by itself: it may, and has not ended."""
        end_ms, _ = said.ends
        return said.failure is None and end_ms > self._at_ms

    # -- what was said -----------------------------------------------------------------------------

    def latest(self, stream: str, scope: Scope) -> Said | None:
        """Return what a stream said last in a scope."""
        return max(self._of_stream(stream, scope), key=lambda s: s.place, default=None)

    def events_of(self, stream: str, scope: Scope) -> list[ConsentEvent]:
        """Return what a stream said in a scope, as it stands in the ledger."""
        said = sorted(self._of_stream(stream, scope), key=lambda s: s.index)
        return [self._events[s.index] for s in said]

    def confirmed(self, purpose: str, recipient: str) -> bool:
        """Rule 5: whether the person, told of GPC, said yes to this scope in spite of it.

        It must be an explicit act that says so, from after GPC was first heard here, that still
        holds and that no objection came after.
        """
        scope = (purpose, recipient, ANY_CHANNEL)
        said = self._said.get(scope, [])
        if self.objects(scope):
            return False
        return any(
            self._confirms(s)
            and self._heard_before(s, purpose)
            and not any(o.index > s.index for o in said if o.judgement.objection is not None)
            for s in said
        )

    # -- inside ------------------------------------------------------------------------------------

    def _confirms(self, said: Said) -> bool:
        event = self._events.get(said.index)  # none of what a merge left open
        return (
            event is not None
            and said.acts
            and event.event_type is EventType.EXPLICITLY_EXPRESSED
            and SignalKind.GPC.value in (event.confirms_over or ())
            and self.holds(said)
        )

    def _heard_before(self, said: Said, purpose: str) -> bool:
        """Whether GPC was applied to the purpose before: what was not there nobody was told of."""
        applied = self._of_stream(stream_of(SignalKind.GPC), (purpose, SELF, ANY_CHANNEL))
        return any(
            s.judgement.objection is not None
            and s.index < said.index
            and s.clamped_ms < said.clamped_ms
            for s in applied
        )

    def _of_stream(self, stream: str, scope: Scope) -> Iterator[Said]:
        return (s for s in self._said.get(scope, ()) if s.judgement.source == stream)

    @cached_property
    def _events(self) -> dict[int, ConsentEvent]:
        return {e.index: e.record for e in self.entries if isinstance(e.record, ConsentEvent)}

    def _query(self, purpose: str, recipient: str, channel: str) -> Query:
        # Consent is to a purpose: which of its operations is meant makes no difference here.
        return Query(
            purpose=purpose,
            operation=Operation.PSI,
            at_ms=self._at_ms,
            recipient=recipient,
            channel=channel,
        )
