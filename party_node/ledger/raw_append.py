"""Statements as engineers write them: payloads of consent and preference events, for the ledger.

What the ledger sets itself (number in the person's chain, leaf hash before) may not stand in them,
and nothing else than statements can be appended so: no use, no milestone, no word of the node's own
can be forged. A statement ranks as its source ranks in the policy, whatever it says itself.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from consent.errors import MalformedRecord, UnknownPurpose
from consent.events import ConsentEvent
from consent.preferences import PreferenceEvent
from consent.statements import Statement
from consent.vocabulary import Vocabulary
from party_node.errors import NotAStatement, UnknownSubject
from party_node.identity import Identity
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.writer import Submission

_BY_SCHEMA: dict[str, type[Statement]] = {
    kind.schema(): kind for kind in (ConsentEvent, PreferenceEvent)
}
_SET_BY_THE_LEDGER = ("subject_seq", "previous")
_OWN_SOURCES = "accord:"
"""Names of sources that begin so are the ledger's own."""


def append_statements(
    ledger: ConsentLedger, identity: Identity, payloads: Sequence[Mapping[str, Any]]
) -> list[Submission]:
    """Append statements, all or none of them; return what became of each.

    Raises: NotAStatement, MalformedRecord, UnknownPurpose, UnknownSubject, each with the number of
    the entry, from 1; LedgerForked, DiskFull.
    """
    vocabulary = ledger.vocabulary
    statements = [
        _statement(number, payload, vocabulary) for number, payload in enumerate(payloads, 1)
    ]
    known = identity.dense_of(s.subject_id for s in statements)
    strangers = [n for n, s in enumerate(statements, 1) if s.subject_id not in known]
    if strangers:
        named = ", ".join(map(str, strangers[:5]))
        raise UnknownSubject(f"entry {named}: a person whom this node does not know")
    return ledger.submit(statements)


def _statement(number: int, payload: Mapping[str, Any], vocabulary: Vocabulary) -> Statement:
    where = f"entry {number}"
    kind = _BY_SCHEMA.get(str(payload.get("schema")))
    if kind is None:
        raise NotAStatement(f"{where}: its schema must be one of {', '.join(_BY_SCHEMA)}")
    for name in _SET_BY_THE_LEDGER:
        if name in payload:
            raise NotAStatement(f"{where}: {name} is set by the ledger")
    try:
        statement = kind.from_payload(dict(payload))
        statement.canonical()
        if isinstance(statement, ConsentEvent):
            vocabulary.find(statement.purpose)
    except (MalformedRecord, UnknownPurpose) as e:
        raise type(e)(f"{where}: {e}") from e
    if statement.source_id.startswith(_OWN_SOURCES):
        raise NotAStatement(f"{where}: sources called {_OWN_SOURCES}… are the ledger's own")
    if statement.source_trust != vocabulary.source(statement.source_id).trust:
        raise MalformedRecord(f"{where}: the policy gives its source another source_trust")
    return statement
