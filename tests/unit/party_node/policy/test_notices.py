"""Notices: kept byte for byte, published once, never changed, and in force with their policy."""

import dataclasses
import hashlib

import pytest
from sqlmodel import col, update

from consent.canonical import canonical_bytes
from consent.errors import UnknownPurpose
from consent.milestones import NoticePublished, PolicyChanged
from party_node.errors import LedgerDamaged, NotFound
from party_node.policy import notices, reading
from party_node.policy.errors import InvalidPolicy, NoticeConflict, NoticeRefused
from party_node.policy.notices import Draft, find, publish, text_of
from party_node.tables import NoticeRow, PolicyRow

TEXT = "Wir teilen Ihre E-Mail-Adresse.\r\n\ufeff \t\n".encode()
FIRST = Draft(
    notice_id="joint", version=1, language="de", purposes=("joint-audience",), recipients=("shop",)
)
NEXT = dataclasses.replace(FIRST, version=2, replaces_current=True)
A = "a@x.example"


def entries(ledger):
    return [e.record for e in ledger.entries()]


def why(node, ledger):
    return node.explain(ledger, "email", A, "joint-audience", "shop", "psi").decision.reason


def test_a_notice_comes_into_ledger_policy_and_store_at_once(node, ledger):
    done = publish(ledger, TEXT, FIRST, "person:dana")
    changed, published = entries(ledger)[1:]
    assert isinstance(changed, PolicyChanged)
    assert isinstance(published, NoticePublished)
    assert published.notice_hash == hashlib.sha256(TEXT).digest() == done.notice.notice_hash
    assert (published.published_by, changed.changed_by) == ("person:dana", "person:dana")
    assert changed.policy_hash == ledger.vocabulary.digest()
    assert (done.entry, done.repeated) == (2, False)
    assert ledger.vocabulary.notices == (done.notice,)
    assert done.notice.valid_from_ms == node.clock.now_ms
    assert text_of(ledger, done.notice.notice_hash) == TEXT
    assert text_of(node.open_ledger(), done.notice.notice_hash) == TEXT
    assert node.open_ledger().vocabulary.notices == (done.notice,)


def test_the_leaf_of_a_published_notice_names_its_hash(ledger):
    done = publish(ledger, TEXT, FIRST, "person:dana")
    assert done.notice.notice_hash.hex().encode() in ledger.entry(done.entry).leaf


def test_the_same_again_changes_nothing_whenever_it_comes(node, ledger):
    first = publish(ledger, TEXT, FIRST, "person:dana")
    node.clock.advance(86_400_000)
    again = publish(ledger, TEXT, FIRST, "person:eve")
    assert (again.entry, again.repeated, again.notice) == (first.entry, True, first.notice)
    assert ledger.head()[0] == 3


def test_the_same_successor_again_changes_nothing(ledger):
    publish(ledger, TEXT, FIRST, "person:dana")
    publish(ledger, b"two", NEXT, "person:dana")
    assert publish(ledger, b"two", NEXT, "person:dana").repeated


@pytest.mark.parametrize(
    "changes",
    [{"version": 2}, {"notice_id": "other"}, {"language": "fr"}, {"recipients": ()},
     {"valid_from_ms": 5}, {"rights_url": "https://x.example"}, {"requires_renewal": True}],
)  # fmt: skip
def test_a_published_text_cannot_come_again_as_something_else(ledger, changes):
    publish(ledger, TEXT, FIRST, "person:dana")
    with pytest.raises(NoticeConflict, match="joint version 1"):
        publish(ledger, TEXT, dataclasses.replace(FIRST, **changes), "person:dana")
    assert ledger.head()[0] == 3


def test_another_text_under_the_same_name_is_refused(ledger):
    publish(ledger, TEXT, FIRST, "person:dana")
    with pytest.raises(NoticeConflict, match="another text"):
        publish(ledger, TEXT + b".", FIRST, "person:dana")
    assert ledger.head()[0] == 3


def test_a_translation_is_a_notice_of_its_own(ledger):
    publish(ledger, TEXT, FIRST, "person:dana")
    publish(ledger, b"We share", dataclasses.replace(FIRST, language="en"), "person:dana")
    assert (
        find(ledger.vocabulary, "joint", 1, "en").notice_hash
        == hashlib.sha256(b"We share").digest()
    )
    with pytest.raises(NotFound):
        find(ledger.vocabulary, "joint", 1, "fr")


def test_consent_on_the_version_before_holds_on_unless_renewal_is_required(node, ledger):
    first = publish(ledger, TEXT, FIRST, "person:dana").notice
    ledger.append([node.event(A, 1, notice_hash=first.notice_hash)])
    assert why(node, ledger) == "permitted"
    second = publish(ledger, b"two", NEXT, "person:dana").notice
    assert second.supersedes == first.notice_hash
    assert why(node, ledger) == "permitted"
    third = dataclasses.replace(NEXT, version=3, requires_renewal=True)
    publish(ledger, b"three", third, "person:dana")
    assert why(node, ledger) == "renewal-required"


def test_renewal_begins_when_the_notice_does(node, ledger):
    first = publish(ledger, TEXT, FIRST, "person:dana").notice
    ledger.append([node.event(A, 1, notice_hash=first.notice_hash)])
    soon = node.clock.now_ms + 1_000
    draft = dataclasses.replace(NEXT, requires_renewal=True, valid_from_ms=soon)
    publish(ledger, b"two", draft, "person:dana")
    assert why(node, ledger) == "permitted"
    node.clock.advance(1_000)
    assert why(node, ledger) == "renewal-required"


def test_consent_holds_only_for_what_the_notice_names(node, ledger):
    other = dataclasses.replace(FIRST, recipients=("paper",))
    notice = publish(ledger, TEXT, other, "person:dana").notice
    ledger.append([node.event(A, 1, notice_hash=notice.notice_hash)])
    assert why(node, ledger) == "not-on-notice"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"requires_renewal": True}, "says which one it supersedes"),
        ({"replaces_current": True}, "there is not one current notice"),
        ({"supersedes": b"x" * 32}, "is not published here"),
        ({"supersedes": b"x" * 32, "replaces_current": True}, "which notice it supersedes, or"),
        ({"valid_from_ms": 9, "valid_to_ms": 9}, "would end before it begins"),
        ({"jurisdiction": "EU"}, "is no country"),
    ],
)
def test_what_cannot_follow_is_refused_and_leaves_nothing(ledger, changes, told):
    with pytest.raises(NoticeRefused, match=told):
        publish(ledger, TEXT, dataclasses.replace(FIRST, **changes), "person:dana")
    assert ledger.head()[0] == 1
    assert notices.published(ledger) == []


def test_a_notice_cannot_begin_before_the_one_that_it_supersedes(ledger):
    publish(ledger, TEXT, FIRST, "person:dana")
    with pytest.raises(NoticeRefused, match="would begin before joint version 1"):
        publish(ledger, b"two", dataclasses.replace(NEXT, valid_from_ms=1), "person:dana")


def test_a_current_notice_is_one_that_nothing_superseded(ledger):
    first = publish(ledger, TEXT, FIRST, "person:dana").notice
    fork = dataclasses.replace(FIRST, version=2, supersedes=first.notice_hash)
    publish(ledger, b"two", fork, "person:dana")
    publish(ledger, b"other", dataclasses.replace(fork, version=3), "person:dana")
    with pytest.raises(NoticeRefused, match=r"joint version 2 \(de\), joint version 3 \(de\)"):
        publish(ledger, b"four", dataclasses.replace(NEXT, version=4), "person:dana")


def test_unknown_purposes_empty_and_huge_texts_are_refused(ledger):
    with pytest.raises(UnknownPurpose):
        publish(ledger, TEXT, dataclasses.replace(FIRST, purposes=("peace",)), "person:dana")
    for text in (b"", b"x" * (notices.MAX_BYTES + 1)):
        with pytest.raises(NoticeRefused):
            publish(ledger, text, FIRST, "person:dana")
    assert ledger.head()[0] == 1


def test_too_many_notices_are_refused_before_they_could_not_be_read(ledger, monkeypatch):
    size = len(canonical_bytes(ledger.vocabulary.to_payload()))
    monkeypatch.setattr(reading, "MAX_BYTES", size + 100)
    with pytest.raises(InvalidPolicy):
        publish(ledger, TEXT, FIRST, "person:dana")
    assert ledger.head()[0] == 1


def test_a_text_that_was_changed_in_the_database_is_not_shown(node, ledger):
    digest = publish(ledger, TEXT, FIRST, "person:dana").notice.notice_hash
    with node.db.writing() as session:
        session.exec(update(NoticeRow).values(text=TEXT + b"!"))
    with pytest.raises(LedgerDamaged):
        text_of(ledger, digest)
    with pytest.raises(NotFound):
        text_of(ledger, b"\x00" * 32)


def test_a_policy_that_was_changed_in_the_database_is_not_decided_by(node, ledger):
    publish(ledger, TEXT, FIRST, "person:dana")
    with node.db.writing() as session:
        newest = col(PolicyRow.entry) == 1
        session.exec(update(PolicyRow).where(newest).values(document="{}"))
    with pytest.raises(LedgerDamaged):
        node.open_ledger()
