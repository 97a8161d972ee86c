"""Versions of agreements: proposed by one member, in force when every member has countersigned.

The coordinator checks that the document names the keys that are enrolled here, so that nobody
signs an agreement with a stranger; the nodes check it again for themselves.
"""

from sqlmodel import Session

from coordinator import store
from coordinator.errors import (
    BadSignature,
    CollaborationConflict,
    CollaborationRefused,
    TooManyProposals,
    UnknownCollaboration,
)
from coordinator.tables import CollaborationRow, MembershipRow, PartyRow
from coordinator.wire import CollaborationView
from protocols.codec import decode
from protocols.collaboration import Collaboration, Member
from protocols.collaboration_terms import MAX_DOCUMENT_BYTES, check_terms
from protocols.errors import ForgedEnvelope, LocalError
from protocols.keys import PartyPublic
from protocols.signed import Signed, verify

_SIGNED_EXTRA_BYTES = 512
"""What a signature adds to a document, and some more."""


def propose(
    session: Session,
    caller: PartyPublic,
    place: tuple[str, int],
    signed: bytes,
    now_ms: int,
    *,
    most_open: int,
) -> tuple[CollaborationView, bool]:
    """File version `place[1]` of collaboration `place[0]`; returns it and whether it is new.

    `most_open` versions that the caller has signed may wait for others.

    Raises: CollaborationConflict, CollaborationRefused, TooManyProposals, UnknownCollaboration,
        BadSignature, MalformedMessage.
    """
    document, agreed = _open(caller, signed)
    if (agreed.collaboration, agreed.version) != place:
        raise CollaborationRefused("the document names another collaboration or version")
    existing = session.get(CollaborationRow, place)
    if existing is not None:
        if existing.document != document:
            raise CollaborationConflict("this version is already proposed with other content")
        return _countersign(session, existing, caller.party, signed), False
    _check_sequence(session, caller.party, agreed)
    _check_members(session, caller.party, agreed, now_ms)
    if store.count_open_proposals(session, caller.party, now_ms) >= most_open:
        raise TooManyProposals(f"the limit is {most_open}", limit=most_open)
    row = CollaborationRow(
        collaboration=agreed.collaboration,
        version=agreed.version,
        document=document,
        in_force=False,
        expires_ms=agreed.expires_ms,
        created_ms=now_ms,
        revision=store.next_revision(session),
    )
    session.add(row)
    for member in agreed.members:
        session.add(
            MembershipRow(
                collaboration=agreed.collaboration,
                version=agreed.version,
                party=member.party,
                signed=signed if member.party == caller.party else None,
            )
        )
    session.flush()
    return view(session, row), True


def countersign(
    session: Session, caller: PartyPublic, place: tuple[str, int], signed: bytes
) -> CollaborationView:
    """Add the caller's signature; the last one puts the version in force.

    Raises: UnknownCollaboration, CollaborationConflict, BadSignature, MalformedMessage.
    """
    row = _of_party(session, caller.party, place)
    document, _ = _open(caller, signed)
    if row.document != document:
        raise CollaborationConflict("the signature is over another document")
    return _countersign(session, row, caller.party, signed)


def find(session: Session, party: str, place: tuple[str, int]) -> CollaborationView:
    """Return one version to one of its members.

    Raises: UnknownCollaboration.
    """
    return view(session, _of_party(session, party, place))


def view(session: Session, row: CollaborationRow) -> CollaborationView:
    """Return a version as its members see it."""
    members = store.memberships(session, row.collaboration, row.version)
    return CollaborationView(
        collaboration=row.collaboration,
        version=row.version,
        document=row.document,
        countersignatures={m.party: m.signed for m in members if m.signed is not None},
        in_force=row.in_force,
        revision=row.revision,
    )


def _open(caller: PartyPublic, signed: bytes) -> tuple[bytes, Collaboration]:
    if len(signed) > MAX_DOCUMENT_BYTES + _SIGNED_EXTRA_BYTES:
        raise CollaborationRefused(f"a document has at most {MAX_DOCUMENT_BYTES} bytes")
    envelope = decode(Signed, signed)
    try:
        return envelope.body, verify(Collaboration, envelope, caller)
    except ForgedEnvelope as e:
        raise BadSignature("the document must be signed by the party that sends it") from e


def _of_party(session: Session, party: str, place: tuple[str, int]) -> CollaborationRow:
    row = session.get(CollaborationRow, place)
    if row is None or session.get(MembershipRow, (*place, party)) is None:
        raise UnknownCollaboration
    return row


def _check_sequence(session: Session, caller: str, agreed: Collaboration) -> None:
    latest = store.latest_collaboration(session, agreed.collaboration)
    if latest is None:
        if agreed.version != 1:
            raise CollaborationConflict("the first version is 1")
        return
    if session.get(MembershipRow, (latest.collaboration, latest.version, caller)) is None:
        raise UnknownCollaboration  # an outsider may not take a name over
    if agreed.version != latest.version + 1:
        raise CollaborationConflict(f"the next version is {latest.version + 1}")


def _check_members(session: Session, caller: str, agreed: Collaboration, now_ms: int) -> None:
    try:
        check_terms(agreed)
    except LocalError as e:
        raise CollaborationRefused(str(e)) from e
    if agreed.member(caller) is None:
        raise CollaborationRefused("the proposer is one of the members")
    if agreed.expires_ms <= now_ms:
        raise CollaborationRefused("the agreement has already expired")
    for member in agreed.members:
        _check_member(session.get(PartyRow, member.party), member)


def _check_member(row: PartyRow | None, member: Member) -> None:
    if row is None:
        raise CollaborationRefused(f"{member.party} is not enrolled here")
    if decode(PartyPublic, row.public) != member.public or row.ledger_vkey != member.ledger_vkey:
        raise CollaborationRefused(f"the keys of {member.party} are not the enrolled ones")


def _countersign(
    session: Session, row: CollaborationRow, party: str, signed: bytes
) -> CollaborationView:
    member = session.get(MembershipRow, (row.collaboration, row.version, party))
    if member is None:
        raise UnknownCollaboration
    if member.signed is None:
        member.signed = signed
        row.revision = store.next_revision(session)
        session.flush()
        everyone = store.memberships(session, row.collaboration, row.version)
        if all(m.signed is not None for m in everyone):
            _put_in_force(session, row)
    return view(session, row)


def _put_in_force(session: Session, row: CollaborationRow) -> None:
    """Let the newest fully signed version be the one in force."""
    before = store.version_in_force(session, row.collaboration)
    if before is not None:
        if before.version > row.version:
            return
        before.in_force = False
        before.revision = store.next_revision(session)
    row.in_force = True
    row.revision = store.next_revision(session)
    session.flush()
