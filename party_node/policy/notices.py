"""Notices: the texts that people are shown, kept byte for byte and named by their hash.

Publishing one is two entries of the ledger in one transaction with the text: `notice-published`,
and the change of policy that lets the notice decide. A notice never changes: the same again is
nothing new, another text under the same id, version and language is refused.
"""

import dataclasses
import hashlib
from dataclasses import dataclass

from sqlmodel import Session, col, select

from consent.errors import MalformedRecord
from consent.milestones import NoticePublished
from consent.notice import Notice
from consent.vocabulary import Vocabulary
from party_node.errors import NotFound
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.policies import keep_notice, load_notice
from party_node.policy.errors import NoticeConflict, NoticeRefused
from party_node.policy.places import fault_of
from party_node.policy.reading import check_storable
from party_node.tables import NoticeRow

MAX_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is said of a notice that is to be published; fields as in `consent.notice.Notice`."""

    notice_id: str
    version: int
    language: str
    purposes: tuple[str, ...]
    recipients: tuple[str, ...] = ()
    jurisdiction: str | None = None
    layout_hash: bytes | None = None
    withdrawal_method: str | None = None
    rights_url: str | None = None
    policy_url: str | None = None
    valid_from_ms: int | None = None
    """From its publication on, where nothing is said."""
    valid_to_ms: int | None = None
    supersedes: bytes | None = None
    replaces_current: bool = False
    """It supersedes the one of this id and language that nothing has superseded yet."""
    requires_renewal: bool = False
    experiment: str | None = None
    variant: str | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """A notice that is in force."""

    notice: Notice
    entry: int
    """Index of the entry that published it."""
    repeated: bool


def publish(ledger: ConsentLedger, text: bytes, draft: Draft, by: str) -> Published:
    """Publish a notice; the same one again changes nothing.

    Raises: NoticeRefused, NoticeConflict, UnknownPurpose, InvalidPolicy if there are too many;
    DiskFull.
    """
    if not text or len(text) > MAX_BYTES:
        raise NoticeRefused(f"a notice has 1 to {MAX_BYTES:,} bytes")
    digest = hashlib.sha256(text).digest()
    with ledger.hold() as head:
        vocabulary = head.vocabulary
        known = _known(vocabulary, digest, draft)
        if known is not None:
            return Published(known, _entry_of(ledger, digest), repeated=True)
        notice = _notice(vocabulary, digest, draft, ledger.now())
        after = dataclasses.replace(vocabulary, notices=(*vocabulary.notices, notice))
        check_storable(after)
        values = {f.name: getattr(notice, f.name) for f in dataclasses.fields(notice)}
        record = NoticePublished(**values, published_at_ms=ledger.now(), published_by=by)

        def keep(session: Session, indices: list[int]) -> None:
            keep_notice(session, text, indices[1])

        indices = ledger.change_policy(after, by, record, also=keep)
    return Published(notice, indices[1], repeated=False)


def text_of(ledger: ConsentLedger, notice_hash: bytes) -> bytes:
    """Return the bytes of a notice. Raises: NotFound, LedgerDamaged."""
    with ledger.database.reading() as session:
        text = load_notice(session, notice_hash)
    if text is None:
        raise NotFound(
            "no notice with this hash was published here",
            hint="`accord notice list` shows those that were",
        )
    return text


def published(ledger: ConsentLedger) -> list[tuple[Notice, int | None]]:
    """Return the notices by id, version and language, each with the entry that published it.

    None where a notice came in without its text.
    """
    with ledger.database.reading() as session:
        rows = session.exec(select(NoticeRow.notice_hash, NoticeRow.entry)).all()
    entries = {bytes(digest): entry for digest, entry in rows}
    return [(n, entries.get(n.notice_hash)) for n in sorted(ledger.vocabulary.notices, key=_key)]


def find(vocabulary: Vocabulary, notice_id: str, version: int, language: str) -> Notice:
    """Return the notice of that name. Raises: NotFound."""
    for notice in vocabulary.notices:
        if _key(notice) == (notice_id, version, language):
            return notice
    raise NotFound(
        f"no notice {notice_id} version {version} ({language}) is published here",
        hint="`accord notice list` shows those that are",
    )


def _known(vocabulary: Vocabulary, digest: bytes, draft: Draft) -> Notice | None:
    """Return the notice if it is published already, just so. Raises: NoticeConflict."""
    known = vocabulary.notice(digest)
    if known is not None:
        if not _says_the_same(known, draft):
            raise NoticeConflict(f"this text is published as {_named(known)}, with other details")
        return known
    for other in vocabulary.notices:
        if _key(other) == (draft.notice_id, draft.version, draft.language):
            raise NoticeConflict(f"{_named(other)} is published with another text")
    return None


def _says_the_same(known: Notice, draft: Draft) -> bool:
    said = {f.name: getattr(draft, f.name) for f in dataclasses.fields(draft)}
    if said.pop("replaces_current"):
        said["supersedes"] = known.supersedes or b""
    if said["valid_from_ms"] is None:
        del said["valid_from_ms"]
    return all(getattr(known, name) == value for name, value in said.items())


def _notice(vocabulary: Vocabulary, digest: bytes, draft: Draft, now_ms: int) -> Notice:
    """Return what is published. Raises: NoticeRefused, UnknownPurpose."""
    for purpose in draft.purposes:
        vocabulary.find(purpose)
    if draft.jurisdiction is not None and (fault := fault_of(draft.jurisdiction)):
        raise NoticeRefused(f"the jurisdiction: {fault}")
    supersedes = _superseded(vocabulary, draft)
    if draft.requires_renewal and supersedes is None:
        raise NoticeRefused("a notice that requires renewal says which one it supersedes")
    values = {f.name: getattr(draft, f.name) for f in dataclasses.fields(draft)}
    del values["replaces_current"]
    values |= {"notice_hash": digest, "supersedes": supersedes and supersedes.notice_hash}
    start = now_ms if draft.valid_from_ms is None else draft.valid_from_ms
    if draft.valid_to_ms is not None and draft.valid_to_ms <= start:
        raise NoticeRefused("it would end before it begins")
    if supersedes is not None and start < supersedes.valid_from_ms:
        raise NoticeRefused(f"it would begin before {_named(supersedes)}, which it supersedes")
    notice = Notice(**values | {"valid_from_ms": start})
    try:
        notice.canonical()
    except MalformedRecord as e:
        raise NoticeRefused(f"a detail cannot be kept: {e}") from None
    return notice


def _superseded(vocabulary: Vocabulary, draft: Draft) -> Notice | None:
    """Return the notice that the new one takes the place of. Raises: NoticeRefused."""
    if draft.supersedes is not None and draft.replaces_current:
        raise NoticeRefused("say which notice it supersedes, or that it replaces the current one")
    if draft.supersedes is not None:
        found = vocabulary.notice(draft.supersedes)
        if found is None:
            raise NoticeRefused("the notice that it supersedes is not published here")
        return found
    if not draft.replaces_current:
        return None
    superseded = {n.supersedes for n in vocabulary.notices}
    current = [
        n
        for n in vocabulary.notices
        if (n.notice_id, n.language) == (draft.notice_id, draft.language)
        and n.notice_hash not in superseded
    ]
    if len(current) != 1:
        names = ", ".join(sorted(_named(n) for n in current)) or "none"
        raise NoticeRefused(
            f"there is not one current notice of this id and language, but {names}",
            hint="say which one it supersedes, by its hash",
        )
    return current[0]


def _entry_of(ledger: ConsentLedger, digest: bytes) -> int:
    with ledger.database.reading() as session:
        query = select(NoticeRow.entry).where(col(NoticeRow.notice_hash) == digest)
        entry = session.exec(query).first()
    if entry is None:
        raise NoticeRefused("this notice is in the policy, but its text was never kept here")
    return entry


def _key(notice: Notice) -> tuple[str, int, str]:
    return notice.notice_id, notice.version, notice.language


def _named(notice: Notice) -> str:
    return f"{notice.notice_id} version {notice.version} ({notice.language})"
