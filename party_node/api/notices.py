"""/v1/notices: the texts that people are shown; published once, never changed."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import Field

from consent.notice import Notice
from consent.vocabulary import Vocabulary
from party_node.api.origin import Instant, Place
from party_node.api.strict import By, Language, Name, NoticeHash, NoticeId, Strict
from party_node.policy import notices
from party_node.policy.notices import Draft
from party_node.running import Here

router = APIRouter(prefix="/v1/notices", tags=["policy"])

Line = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,512}$")]
_PLAIN = {
    # Whatever the text looks like, no browser takes it for a page.
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


class NoticeBody(Strict):
    """A notice to be published."""

    text: Annotated[str, Field(min_length=1, max_length=notices.MAX_BYTES)]
    """Exactly as it is shown; its UTF-8 bytes are kept and hashed."""
    by: By
    notice_id: NoticeId
    version: Annotated[int, Field(ge=1, le=1_000_000)]
    language: Language
    purposes: Annotated[tuple[Name, ...], Field(min_length=1, max_length=256)]
    """All that it tells about."""
    recipients: Annotated[tuple[Name, ...], Field(max_length=256)] = ()
    """All that it names, besides this party itself."""
    jurisdiction: Place | None = None
    layout_hash: NoticeHash | None = None
    """SHA-256 of a picture of it."""
    withdrawal_method: Line | None = None
    rights_url: Line | None = None
    policy_url: Line | None = None
    valid_from_ms: Instant | None = None
    """From now on, if absent."""
    valid_to_ms: Instant | None = None
    supersedes: NoticeHash | None = None
    replaces_current: bool = False
    """It supersedes the current notice of this id and language."""
    requires_renewal: bool = False
    """Consent on the ones before ends with it."""
    experiment: Name | None = None
    variant: Name | None = None

    def draft(self) -> Draft:
        """Return it as what is published."""
        values = self.model_dump(exclude={"text", "by"})
        for name in ("layout_hash", "supersedes"):
            if values[name] is not None:
                values[name] = bytes.fromhex(values[name])
        for name in ("purposes", "recipients"):
            values[name] = tuple(sorted(set(values[name])))
        return Draft(**values)


@router.post("", status_code=201)
def publish(body: NoticeBody, node: Here) -> dict[str, Any]:
    """Publish a notice: text, ledger entries and policy in one; the same again changes nothing."""
    ledger = node.services.ledger
    done = notices.publish(ledger, body.text.encode(), body.draft(), f"person:{body.by}")
    return {**_view(done.notice, ledger.vocabulary, done.entry), "repeated": done.repeated}


@router.get("")
def listed(node: Here) -> list[dict[str, Any]]:
    """Return every published notice by id, version and language."""
    ledger = node.services.ledger
    return [_view(n, ledger.vocabulary, entry) for n, entry in notices.published(ledger)]


@router.get("/{notice_hash}", response_class=Response)
def show(notice_hash: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")], node: Here) -> Response:
    """Return the text of a notice, byte for byte, always as plain text."""
    text = notices.text_of(node.services.ledger, bytes.fromhex(notice_hash))
    return Response(text, media_type="text/plain; charset=utf-8", headers=_PLAIN)


def _view(notice: Notice, vocabulary: Vocabulary, entry: int | None) -> dict[str, Any]:
    later = [n.notice_hash.hex() for n in vocabulary.notices if n.supersedes == notice.notice_hash]
    return {
        "notice_hash": notice.notice_hash.hex(),
        "notice_id": notice.notice_id,
        "version": notice.version,
        "language": notice.language,
        "purposes": list(notice.purposes),
        "recipients": list(notice.recipients),
        "jurisdiction": notice.jurisdiction,
        "layout_hash": notice.layout_hash and notice.layout_hash.hex(),
        "withdrawal_method": notice.withdrawal_method,
        "rights_url": notice.rights_url,
        "policy_url": notice.policy_url,
        "valid_from_ms": notice.valid_from_ms,
        "valid_to_ms": notice.valid_to_ms,
        "supersedes": notice.supersedes and notice.supersedes.hex(),
        "superseded_by": later,
        "requires_renewal": notice.requires_renewal,
        "must_be_renewed": notice.notice_hash in vocabulary.notices_to_renew,
        "experiment": notice.experiment,
        "variant": notice.variant,
        "entry": entry,
    }
