"""What a person's request comes to in the ledger: withdrawals, objections, a restriction.

They say what the person said, at the time at which the request came in: what was used since is
reported as an exposure. So a request that waited for its verification loses the person nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from consent.events import ConsentEvent, EventType
from consent.history import History, judged
from consent.preferences import AutomatedDecisions, Preference, PreferenceEvent, ProcessingChoice
from consent.reasons import Scope
from consent.statements import Method, Relation, Statement
from consent.vocabulary import Vocabulary
from consent.words import ANY_CHANNEL, SELF, EventState
from party_node.ledger.entries import LedgerEntry
from party_node.ledger.explaining import logged

SOURCE = "accord:requests"
"""The stream of what requests come to."""
_TRUST = 5


@dataclass(frozen=True, slots=True)
class Spoken:
    """Who asked for what, and what they have said before."""

    request_id: str
    subject_id: str
    received_ms: int
    method: Method
    relation: Relation
    jurisdiction: str
    entries: Sequence[LedgerEntry]
    vocabulary: Vocabulary
    now_ms: int

    def withdrawals(self) -> list[Statement]:
        """Withdraw every consent that stands, scope by scope."""
        standing = [s for s in sorted(self._grants()) if not self._objected(s)]
        return [
            self._event(number, EventState.WITHDRAWN, *scope, self._trust([scope]))
            for number, scope in enumerate(standing)
        ]

    def objections(self, purposes: Iterable[str]) -> list[Statement]:
        """Object to purposes as such: towards the controller, so towards everybody."""
        said: list[Statement] = []
        for number, purpose in enumerate(sorted(set(purposes))):
            granted = [scope for scope in self._grants() if scope[0] == purpose]
            state = EventState.WITHDRAWN if granted else EventState.REFUSED
            trust = self._trust(granted)
            said.append(self._event(number, state, purpose, SELF, ANY_CHANNEL, trust))
        return said

    def no_machine_choice(self) -> list[Statement]:
        """Take machines' choices about the person away (GDPR 21 and 22, PIPL 24)."""
        return [self._choice("automated", AutomatedDecisions(allowed=False), self.received_ms)]

    def restriction(self) -> list[Statement]:
        """Let nothing but storing be done from now on (GDPR 18)."""
        return [self._choice("restricted", ProcessingChoice(allowed=False), self.now_ms)]

    def lifting(self) -> list[Statement]:
        """End the restriction."""
        return [self._choice("lifted", ProcessingChoice(allowed=True), self.now_ms)]

    # -- inside ------------------------------------------------------------------------------------

    def _grants(self) -> dict[Scope, list[ConsentEvent]]:
        """Return what was ever agreed to, by scope."""
        found: dict[Scope, list[ConsentEvent]] = {}
        for entry in self.entries:
            record = entry.record
            if isinstance(record, ConsentEvent) and record.state.valid_for_processing:
                scope = record.purpose, record.recipient, record.channel
                found.setdefault(scope, []).append(record)
        return found

    def _objected(self, scope: Scope) -> bool:
        """Tell whether a no stands in the scope already; an unknown purpose has none."""
        said = judged(logged(list(self.entries)), self.vocabulary)
        of_scope = [s for s in said if s.judgement.scope == scope]
        if not of_scope:
            return False
        return History(of_scope, self.now_ms).standing_objection() is not None

    def _trust(self, scopes: Iterable[Scope]) -> int:
        """Return the rank of the most trusted source that had a yes: no lesser one may end this."""
        grants = self._grants()
        return max((g.source_trust for s in scopes for g in grants[s]), default=_TRUST)

    def _event(
        self, number: int, state: EventState, purpose: str, recipient: str, channel: str, trust: int
    ) -> ConsentEvent:
        known = self.vocabulary.has(purpose)
        return ConsentEvent(
            subject_id=self.subject_id,
            state=state,
            purpose=purpose,
            purpose_version=self.vocabulary.find(purpose).version if known else 1,
            recipient=recipient,
            channel=channel,
            event_type=EventType.EXPLICITLY_EXPRESSED,
            event_time_ms=self.received_ms,
            source_id=SOURCE,
            source_event_id=f"{self.request_id}/{number}",
            source_trust=trust,
            jurisdiction=self.jurisdiction,
            method=self.method,
            relation=self.relation,
        )

    def _choice(self, what: str, chosen: Preference, at_ms: int) -> PreferenceEvent:
        return PreferenceEvent(
            subject_id=self.subject_id,
            preference=chosen,
            event_time_ms=at_ms,
            source_id=SOURCE,
            source_event_id=f"{self.request_id}/{what}",
            jurisdiction=self.jurisdiction,
            method=self.method,
            relation=self.relation,
        )
