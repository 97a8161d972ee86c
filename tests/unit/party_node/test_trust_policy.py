"""Which trust policies a node takes, and where it keeps them."""

import pytest

from consent.checkpoint import Cosigner, LogSigner
from consent.note import KeyType
from party_node.errors import PolicyUnusable
from party_node.ledger import trust_policy
from party_node.ledger.trust_policy import COORDINATOR, FILE, MOST_WITNESSES, check, first

LOG = LogSigner("accord/brand/consent", b"\x01" * 32).verifier
HUB = Cosigner("hub.example/witness", b"\x02" * 32).verifier
A = Cosigner("a.example/w", b"\x03" * 32).verifier
B = Cosigner("b.example/w", b"\x04" * 32, KeyType.MLDSA44_COSIGNATURE).verifier

BASE = f"""\
# what the brand trusts
log {LOG.vkey}
witness hub {HUB.vkey}
witness a {A.vkey} https://a.example/w
witness b {B.vkey} http://127.0.0.1:8500
"""


@pytest.mark.parametrize(
    "rules",
    [
        "quorum hub\n",
        "group both all hub a\nquorum both\n",
        "group others any a b\ngroup all all hub others\nquorum all\n",
        "group others all a b\ngroup all 2 hub others\nquorum all\n",
    ],
)
def test_a_policy_that_adds_to_the_coordinator_is_taken(rules):
    trust = check(BASE + rules, LOG, HUB)
    assert (trust.text, trust.coordinator) == (BASE + rules, "hub")


@pytest.mark.parametrize(
    "rules",
    [
        "quorum none\n",
        "quorum a\n",
        "group any any hub a\nquorum any\n",
        "group most 2 hub a b\nquorum most\n",
        "group others all a b\nquorum others\n",
    ],
)
def test_a_quorum_without_the_coordinator_is_refused(rules):
    """The other party checks that cosignature: without it no run could be signed."""
    with pytest.raises(PolicyUnusable, match="without hub") as caught:
        check(BASE + rules, LOG, HUB)
    assert "group quorum all hub" in caught.value.hint


OTHER_LOG = LogSigner("accord/publisher/consent", b"\x09" * 32).verifier
SAME_NAME = LogSigner(LOG.name, b"\x09" * 32).verifier


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "cannot be read"),
        ("nonsense\n", "cannot be read"),
        (BASE, "cannot be read"),
        (BASE.replace(LOG.vkey, SAME_NAME.vkey) + "quorum hub\n", "does not list this ledger"),
        (f"witness hub {HUB.vkey}\nquorum hub\n", "does not list this ledger"),
        (BASE + f"log {OTHER_LOG.vkey}\nquorum hub\n", "other ledgers"),
        (BASE + f"log {SAME_NAME.vkey}\nquorum hub\n", "other ledgers"),
        (f"log {LOG.vkey}\nwitness a {A.vkey} https://a.example\nquorum a\n", "the coordinator's"),
        (BASE.replace("https://a.example/w", "http://a.example/w") + "quorum hub\n", "witness a"),
        (BASE.replace("https://a.example/w", "ftp://a.example/w") + "quorum hub\n", "witness a"),
    ],
)
def test_what_a_node_cannot_use_is_refused_with_the_reason(text, why):
    with pytest.raises(PolicyUnusable, match=why):
        check(text, LOG, HUB)


def test_the_hint_has_the_line_that_is_missing():
    with pytest.raises(PolicyUnusable) as caught:
        check("quorum none\n", LOG, HUB)
    assert caught.value.hint == f"add the line: log {LOG.vkey}"
    with pytest.raises(PolicyUnusable) as caught:
        check(f"log {LOG.vkey}\nquorum none\n", LOG, HUB)
    assert caught.value.hint == f"add the line: witness coordinator {HUB.vkey}"


def test_a_quorum_of_witnesses_that_cannot_be_asked_is_refused():
    text = f"log {LOG.vkey}\nwitness hub {HUB.vkey}\nwitness a {A.vkey}\n"
    with pytest.raises(PolicyUnusable, match="no URL") as caught:
        check(text + "group both all hub a\nquorum both\n", LOG, HUB)
    assert caught.value.hint.endswith(": a")
    assert check(text + "quorum hub\n", LOG, HUB).policy.urls == {}


def test_bytes_that_are_no_text_and_texts_without_end_are_refused():
    with pytest.raises(PolicyUnusable, match="UTF-8"):
        check(b"\xff\n", LOG, HUB)
    with pytest.raises(PolicyUnusable, match="longer than"):
        check("#" * (1 << 20) + "\n", LOG, HUB)


def test_more_witnesses_than_a_note_has_room_for_are_refused():
    lines = [
        f"witness w{n} {Cosigner(f'w{n}.example', bytes([n]) * 32).vkey}\n"
        for n in range(100, 100 + MOST_WITNESSES)
    ]
    text = f"log {LOG.vkey}\nwitness hub {HUB.vkey}\n"
    with pytest.raises(PolicyUnusable, match="more than 32"):
        check(text + "".join(lines) + "quorum hub\n", LOG, HUB)
    assert check(text + "".join(lines[1:]) + "quorum hub\n", LOG, HUB)


def test_the_first_policy_has_the_coordinator_alone():
    trust = first(LOG, HUB, "https://hub.example/")
    assert trust.text == (
        f"log {LOG.vkey}\nwitness coordinator {HUB.vkey} https://hub.example/witness\n"
        "quorum coordinator\n"
    )
    assert trust.policy.requires(COORDINATOR)
    assert first(LOG, HUB, "http://hub.example").policy.urls == {}, "asked as the coordinator"


def test_a_home_without_the_file_has_the_first_policy(tmp_path):
    assert trust_policy.load(tmp_path, LOG, HUB, "https://h") == first(LOG, HUB, "https://h")


def test_what_was_stored_is_loaded_to_the_letter(tmp_path):
    trust = check(BASE + "quorum hub\n", LOG, HUB)
    trust_policy.store(tmp_path, trust)
    assert trust_policy.load(tmp_path, LOG, HUB, "https://h") == trust
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


def test_a_file_that_was_spoilt_is_named(tmp_path):
    (tmp_path / FILE).write_text("quorum none\n")
    with pytest.raises(PolicyUnusable, match=r"policy\.txt: it does not list this ledger"):
        trust_policy.load(tmp_path, LOG, HUB, "https://h")
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).mkdir()
    with pytest.raises(PolicyUnusable, match="cannot be read"):
        trust_policy.load(tmp_path, LOG, HUB, "https://h")


def test_a_home_that_cannot_be_written_to_says_so(tmp_path):
    with pytest.raises(PolicyUnusable, match="cannot be written: no such file"):
        trust_policy.store(tmp_path / "gone", first(LOG, HUB, "https://h"))
