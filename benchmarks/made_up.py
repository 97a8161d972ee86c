"""Millions of made-up entries, written straight into the tables of a ledger."""

import secrets
from collections.abc import Iterator

import numpy as np
from sqlmodel import Session

from consent.events import ConsentEvent
from consent.facts import FACT, Facts, Whats
from consent.instants import to_text
from consent.merkle import hash_leaves
from consent.statements import Method
from consent.words import EventState
from party_node.database import insert_many
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.state import Reach
from party_node.tables import EntryRow

BATCH = 200_000
PURPOSES, RECIPIENTS = ("joint-audience", "audience-measurement"), ("self", "publisher")
SOURCES = {"web": 0.8, "crm": 0.1, "app": 0.1}
HOW_OFTEN = {EventState.GIVEN: 0.88, EventState.WITHDRAWN: 0.12}
FOR_EVER = 2**62
START_MS = 1_780_000_000_000
APART_MS = 5
_YEAR_MS = 365 * 86_400_000
_COLUMNS = ("index", "leaf", "leaf_hash", "subject", "type", "recorded_ms")


class MadeUp:
    """Consents and withdrawals: two purposes, two recipients, three sources, half with an end."""

    def __init__(self, ledger: ConsentLedger, entries: int, subjects: int) -> None:
        self._ledger, self._entries, self._subjects = ledger, entries, subjects
        self._random = np.random.default_rng(1)
        self._whats = Whats()

    def write(self) -> None:
        """Write them behind what the ledger has; whoever opens it next finds them."""
        store = self._ledger.store
        with self._ledger.database.writing() as session:
            reach = store.reach(session)
            tree = store.tiles.resume(session, reach.size, reach.root)
            store.facts.load_whats(session, self._whats)
            numbers, shares = self._kinds()
            for start in range(0, self._entries, BATCH):
                facts = self._facts(reach.size, min(BATCH, self._entries - start), numbers, shares)
                hashes = self._rows(session, facts)
                store.tiles.add(session, tree.extend(hashes))
                store.facts.add(session, facts, reach.facts, self._whats, reach.whats)
                reach = Reach(
                    tree.size, tree.root(), int(facts["recorded"][-1]),
                    reach.facts + len(facts), len(self._whats), reach.policy,
                )  # fmt: skip
            store.keep_reach(session, reach)

    def _kinds(self) -> tuple[list[int], list[float]]:
        """Return the numbers of what may be said, and how often each is."""
        said = [
            (share * often, purpose, to, source, state)
            for purpose in PURPOSES
            for to in RECIPIENTS
            for source, share in SOURCES.items()
            for state, often in HOW_OFTEN.items()
        ]
        total = sum(share for share, *_ in said)
        return (
            [self._whats.number_of(_event(*what)) for _, *what in said],
            [share / total for share, *_ in said],
        )

    def _facts(self, first: int, count: int, numbers: list[int], shares: list[float]) -> Facts:
        draw, facts = self._random, np.empty(count, dtype=FACT)
        facts["index"] = np.arange(first, first + count)
        facts["recorded"] = START_MS + facts["index"] * APART_MS
        facts["time"] = facts["recorded"] - draw.integers(0, 60_000, count)
        ends = facts["recorded"] + draw.integers(_YEAR_MS // 2, 2 * _YEAR_MS, count)
        facts["until"] = np.where(draw.random(count) < 0.5, FOR_EVER, ends)
        facts["subject"] = draw.integers(1, self._subjects + 1, count)
        facts["what"] = draw.choice(np.array(numbers, dtype=np.uint32), count, p=shares)
        return facts

    def _rows(self, session: Session, facts: Facts) -> list[bytes]:
        """Write the entries; return the hashes of their leaves."""
        leaves = list(_leaves(facts["recorded"].tolist()))
        hashes = hash_leaves(leaves)
        insert_many(
            session,
            EntryRow,
            _COLUMNS,
            [
                (index, leaf, leaf_hash, subject, ConsentEvent.TYPE, recorded)
                for index, leaf, leaf_hash, subject, recorded in zip(
                    facts["index"].tolist(),
                    leaves,
                    hashes,
                    facts["subject"].tolist(),
                    facts["recorded"].tolist(),
                    strict=True,
                )
            ],
        )
        return hashes


def _leaves(recorded: list[int]) -> Iterator[bytes]:
    """Return leaves of the form of a consent event's, that commit to nothing."""
    drawn = secrets.token_bytes(80 * len(recorded)).hex()
    text = to_text(recorded[0])
    for start in range(0, len(drawn), 160):
        one = drawn[start : start + 160]
        yield (
            f'{{"controller":"brand","entry_id":"{one[:26].upper()}","notice_hash":"{one[:64]}",'
            f'"pcom":"{one[32:96]}","policy_hash":"{one[64:128]}","ptag":"{one[96:]}",'
            f'"recorded_at":"{text}","type":"consent-event","v":1}}'
        ).encode()


def _event(purpose: str, to: str, source: str, state: EventState) -> ConsentEvent:
    return ConsentEvent(
        subject_id="0" * 32,
        state=state,
        purpose=purpose,
        recipient=to,
        event_time_ms=0,
        source_id=source,
        source_event_id="made-up",
        jurisdiction="GB",
        method=Method.WEB_FORM,
    )
