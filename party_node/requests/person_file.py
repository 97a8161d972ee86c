"""What a person gets who asks for their data: one ZIP file, made on request and never kept here.

    README.txt        what each file is, in plain words
    person.json       what this node holds beside the ledger: where they occur, requests, contacts
    entries.json      everything the ledger has about them, readable
    consents.csv      what they said about consent
    choices.csv       how they want to be addressed
    uses.csv          the decisions in which their data was used: when, for whom, what for
    notices/…         the notices that they were shown, where their text is stored
    receipts/…        a signed receipt of each consent event (`consent/receipt.py`), and the key
    proof/…           the entries with their proofs, as an evidence bundle (`consent/bundle.py`)

The rows of the controller's own files are not in it: this node reads no row for it.
"""

import io
import json
import zipfile
from collections.abc import Iterator, Sequence

from pyroaring import BitMap
from sqlalchemy import select
from sqlmodel import col

from consent import instants
from consent.bundle import BundleEntry, Opened, make_bundle
from consent.canonical import canonical_bytes
from consent.checkpoint import checkpoint_of
from consent.errors import LedgerInconsistent
from consent.events import ConsentEvent
from consent.preferences import PreferenceEvent
from consent.records import payload_bytes
from consent.uses import UseRecord
from party_node.audience_members import open_members
from party_node.contact.tables import ContactRow
from party_node.evidence.files import RECEIPT_KEY
from party_node.job_tables import AudienceRow
from party_node.ledger.entries import LedgerEntry
from party_node.ledger.evidence_of import proven, published
from party_node.ledger.policies import load_notice
from party_node.requests.csv_text import csv_text
from party_node.requests.person import Person
from party_node.requests.person_readme import readme
from party_node.requests.tables import SubjectRequestRow
from party_node.services import Services


def person_file(services: Services, person: Person) -> bytes:
    """Return the ZIP file. Raises: LedgerDamaged, LedgerInconsistent."""
    note, witnessed = _checkpoint(services, person)
    uses = list(_uses(services, person))
    notices = dict(_notices(services, person))
    files = {
        "person.json": _json(_beside(services, person)),
        "entries.json": _json([_readable(entry) for entry in person.entries]),
        "consents.csv": _consents(person),
        "choices.csv": _choices(person),
        "uses.csv": csv_text(_USES, uses),
        **{f"notices/{digest}.txt": text for digest, text in notices.items()},
        **dict(_receipts(services, person, note)),
        **_proof(services, person, note, list(notices.values())),
    }
    settings = services.home.settings
    text = readme(
        settings.name, services.ledger.origin, services.clock_ms(), witnessed=witnessed,
        entries=len(person.entries), uses=len(uses),
    )  # fmt: skip
    return _zipped({"README.txt": text.encode(), **files})


# -- the ledger ------------------------------------------------------------------------------------


def _readable(entry: LedgerEntry) -> dict[str, object]:
    assert entry.record is not None
    return {
        "entry": entry.index,
        "recorded_at": instants.to_text(entry.recorded_ms),
        "type": entry.type,
        "content": entry.record.to_payload(),
    }


def _consents(person: Person) -> bytes:
    heads = (
        "entry", "said_at", "recorded_at", "state", "purpose", "recipient", "channel",
        "valid_until", "method", "said_by", "source", "jurisdiction", "notice",
    )  # fmt: skip
    rows = [
        (
            entry.index,
            instants.to_text(said.event_time_ms),
            instants.to_text(entry.recorded_ms),
            said.state.value,
            said.purpose,
            said.recipient,
            said.channel,
            None if said.valid_until_ms is None else instants.to_text(said.valid_until_ms),
            said.method.value,
            said.relation.value,
            said.source_id,
            said.jurisdiction,
            None if said.notice_hash is None else said.notice_hash.hex(),
        )
        for entry in person.entries
        if isinstance(said := entry.record, ConsentEvent)
    ]
    return csv_text(heads, rows)


def _choices(person: Person) -> bytes:
    rows = [
        (
            entry.index,
            instants.to_text(said.event_time_ms),
            said.preference.KIND,
            json.dumps(said.preference.to_payload(), ensure_ascii=False),
            said.method.value,
            said.source_id,
        )
        for entry in person.entries
        if isinstance(said := entry.record, PreferenceEvent)
    ]
    return csv_text(("entry", "said_at", "about", "choice", "method", "source"), rows)


_USES = (
    "entry", "decided_at", "job", "purpose", "recipient", "operation", "dataset",
    "requested_by", "policy",
)  # fmt: skip


def _uses(services: Services, person: Person) -> Iterator[tuple[object, ...]]:
    """Return the decisions in which the person's data was permitted to be used."""
    with services.db.reading() as session:
        decided = list(services.gate.decisions.about(session, person.people))
    for row, decision in decided:
        record = services.ledger.entry(row.entry).record
        allowed = decision.people
        if isinstance(record, UseRecord) and any(who in allowed for who in person.people):
            yield (
                row.entry, instants.to_text(row.evaluated_ms), row.job, row.purpose, row.recipient,
                record.operation, row.dataset, record.requested_by, record.policy_hash.hex(),
            )  # fmt: skip


def _notices(services: Services, person: Person) -> Iterator[tuple[str, bytes]]:
    shown = {
        event.notice_hash
        for entry in person.entries
        if isinstance(event := entry.record, ConsentEvent) and event.notice_hash is not None
    }
    with services.db.reading() as session:
        for digest in sorted(shown):
            text = load_notice(session, digest)
            if text is not None:
                yield digest.hex(), text


# -- proof -----------------------------------------------------------------------------------------


def _checkpoint(services: Services, person: Person) -> tuple[str, bool]:
    """Return a checkpoint that covers all entries, and whether witnesses have cosigned it."""
    last = max(entry.index for entry in person.entries) if person.entries else -1
    try:
        note = published(services.ledger, services.witnessing, last + 1)
    except LedgerInconsistent:  # the person gets their data all the same
        note = services.witnessing.published()
    if note is not None and checkpoint_of(note).size > last:
        return note, True
    return services.ledger.checkpoint(), False


def _proof(
    services: Services, person: Person, note: str, notices: Sequence[bytes]
) -> dict[str, bytes]:
    entries = []
    for entry in person.entries:
        assert entry.record is not None
        assert entry.salt is not None
        proof = proven(services.ledger, entry, note).proof
        content = Opened(payload_bytes(entry.record), entry.salt)
        entries.append(BundleEntry(entry.index, entry.leaf, proof, content))
    bundle = make_bundle(
        entries,
        checkpoint=note,
        policy=services.witnessing.trust.text,
        notices=notices,
        title="What a consent ledger has about one person",
    )
    return {f"proof/{name}": data for name, data in bundle.items()}


def _receipts(services: Services, person: Person, note: str) -> Iterator[tuple[str, bytes]]:
    said = (entry for entry in person.entries if isinstance(entry.record, ConsentEvent))
    for issued in services.consent_receipts.under(note, said):
        yield f"receipts/{issued.index}.receipt.json", issued.receipt.encode()
    yield f"receipts/{RECEIPT_KEY}", canonical_bytes(services.consent_receipts.jwk())


# -- beside the ledger -----------------------------------------------------------------------------


def _beside(services: Services, person: Person) -> dict[str, object]:
    ids = services.identity.subject_ids(person.people)
    return {
        "controller": services.home.settings.name,
        "party": services.home.keys.party,
        "record_ids": [ids[who] for who in person.people if who in ids],
        "identifiers": "kept only as keyed digests: this node cannot say them",
        "in_files": [
            {"dataset": info.dataset, "columns": list(info.report.columns)}
            for info in services.datasets.listed()
            if services.datasets.asked(info.dataset).intersect(_bitmap(person))
        ],
        "in_audiences": list(_audiences(services, person)),
        "contacts": list(_contacts(services, person)),
        "requests": list(_requests(services, person)),
    }


def _audiences(services: Services, person: Person) -> Iterator[dict[str, object]]:
    with services.db.reading() as session:
        rows = session.execute(select(AudienceRow).order_by(col(AudienceRow.job))).scalars().all()
    for row in rows:
        if open_members(services.vault, row).intersect(_bitmap(person)):
            made = instants.to_text(row.created_ms)
            yield {"job": row.job, "dataset": row.dataset, "made_at": made}


def _contacts(services: Services, person: Person) -> Iterator[dict[str, object]]:
    own = select(ContactRow).where(col(ContactRow.subject).in_(list(person.people)))
    with services.db.reading() as session:
        rows = session.execute(own.order_by(col(ContactRow.latest_ms))).scalars().all()
    for row in rows:
        yield {
            "channel": row.channel,
            "purposes": row.purpose_group,
            "state": row.state,
            "at": instants.to_text(row.latest_ms),
        }


def _requests(services: Services, person: Person) -> Iterator[dict[str, object]]:
    own = select(SubjectRequestRow).where(col(SubjectRequestRow.subject).in_(list(person.people)))
    with services.db.reading() as session:
        rows = session.execute(own.order_by(col(SubjectRequestRow.received_ms))).scalars().all()
    for row in rows:
        yield {
            "request": row.request_id,
            "type": row.kind,
            "status": row.status,
            "received_at": instants.to_text(row.received_ms),
            "due_at": instants.to_text(row.due_ms),
        }


def _bitmap(person: Person) -> BitMap:
    return BitMap(person.people)


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True).encode()


def _zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name), files[name], zipfile.ZIP_DEFLATED)
    return out.getvalue()
