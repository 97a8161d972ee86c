"""Policy files: the grammar, and when a quorum is reached."""

import pytest

from consent.checkpoint import Cosigner, LogSigner, with_cosignatures
from consent.errors import BadSignature, MalformedRecord
from consent.policy import parse_policy, without_quorum, write_policy

LOG = LogSigner("example.com/log", b"\x01" * 32)
WITNESSES = {
    name: Cosigner(f"w.example/{name}", bytes([i]) * 32) for i, name in enumerate("abcd", 2)
}
KEYS = "".join(f"witness {n} {w.vkey}\n" for n, w in WITNESSES.items())
BASE = f"log {LOG.vkey} https://example.com/\n{KEYS}"
NOTE = LOG.sign(7, b"\x05" * 32)


def note(cosigned_by: str) -> str:
    return with_cosignatures(NOTE, "".join(WITNESSES[n].cosign(NOTE, 5) for n in cosigned_by))


@pytest.mark.parametrize(
    ("rules", "enough", "too_few"),
    [
        ("quorum none\n", ["", "a"], []),
        ("quorum a\n", ["a", "ab"], ["", "b"]),
        ("group g any a b\nquorum g\n", ["a", "b"], ["", "c"]),
        ("group g all a b\nquorum g\n", ["ab", "abc"], ["a", "b", "cd"]),
        ("group g 2 a b c\nquorum g\n", ["ab", "bc", "abc"], ["a", "ad"]),
        (
            "group x 1 a b\ngroup y all c d\ngroup z all x y\nquorum z\n",
            ["acd", "bcd"],
            ["ab", "cd", "ac"],
        ),
        (" \t# a comment\n\n\tquorum\ta  \n", ["a"], ["b"]),
    ],
)
def test_a_quorum_is_reached_or_not(rules: str, enough: list[str], too_few: list[str]) -> None:
    policy = parse_policy(BASE + rules)
    for names in enough:
        opened = policy.open(note(names) if names else NOTE)
        assert policy.witnessed_by(opened) == frozenset(names)
    for names in too_few:
        with pytest.raises(BadSignature):
            policy.open(note(names) if names else NOTE)


def test_a_log_that_is_not_listed_is_refused() -> None:
    policy = parse_policy(BASE + "quorum none\n")
    with pytest.raises(BadSignature):
        policy.open(LogSigner("example.com/other", b"\x09" * 32).sign(1, b"\x05" * 32))
    with pytest.raises(BadSignature):
        policy.open(LogSigner("example.com/log", b"\x09" * 32).sign(1, b"\x05" * 32))


def test_a_log_may_have_two_keys_while_it_rotates() -> None:
    new = LogSigner("example.com/log", b"\x0a" * 32)
    policy = parse_policy(f"log {LOG.vkey}\nlog {new.vkey}\nquorum none\n")
    assert policy.open(NOTE).size == 7
    assert policy.open(new.sign(8, b"\x05" * 32)).size == 8


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "quorum none",
        "quorum none\nquorum none\n",
        "quorum nobody\n",
        BASE,
        BASE + f"log {LOG.vkey}\nquorum none\n",
        BASE + KEYS + "quorum none\n",
        f"log {WITNESSES['a'].vkey}\nquorum none\n",
        f"witness a {LOG.vkey}\nquorum none\n",
        f"witness none {WITNESSES['a'].vkey}\nquorum none\n",
        f"witness a {WITNESSES['a'].vkey}\nwitness b {WITNESSES['a'].vkey}\nquorum none\n",
        BASE + "group g all\nquorum g\n",
        BASE + "group g 0 a\nquorum g\n",
        BASE + "group g 3 a b\nquorum g\n",
        BASE + "group g 01 a\nquorum g\n",
        BASE + "group g any a nobody\nquorum g\n",
        BASE + "group g any a a\nquorum g\n",
        BASE + "group g any none\nquorum g\n",
        BASE + "group g any a\ngroup h any a\nquorum h\n",
        BASE + "group a any b\nquorum a\n",
        BASE + "group g any g\nquorum g\n",
        BASE + "quorum g\ngroup g any a\n",
        "quorum none \r\n",
        "something else\n",
    ],
)
def test_what_is_no_policy_is_refused(bad: str) -> None:
    with pytest.raises(MalformedRecord):
        parse_policy(bad)


def test_names_are_octets_and_not_characters() -> None:
    a = WITNESSES["a"].vkey.encode()
    policy = parse_policy(b"witness \xe2\x84\xaa " + a + b"\nquorum \xe2\x84\xaa\n")
    assert list(policy.witnesses) == ["\u212a"]
    assert parse_policy(b"witness \xff " + a + b"\nquorum \xff\n").quorum == "\udcff"


def test_a_written_policy_asks_for_what_it_was_told() -> None:
    keys = {n: w.verifier for n, w in WITNESSES.items()}
    policy = parse_policy(write_policy([LOG.verifier], keys, 3))
    assert policy.open(note("abd")).size == 7
    with pytest.raises(BadSignature):
        policy.open(note("ab"))
    assert without_quorum(policy).open(NOTE).size == 7
    assert parse_policy(write_policy([LOG.verifier], {}, 0)).quorum == "none"
    with pytest.raises(MalformedRecord):
        write_policy([LOG.verifier], keys, 5)


def test_a_policy_says_where_its_witnesses_are_asked() -> None:
    keys = {n: WITNESSES[n].verifier for n in "ab"}
    text = write_policy([LOG.verifier], keys, 2, {"b": "https://w.example/b"})
    assert text.splitlines()[1] == f"witness a {keys['a'].vkey}"
    policy = parse_policy(text)
    assert policy.urls == {"b": "https://w.example/b"}
    assert parse_policy(write_policy([LOG.verifier], keys, 2)).urls == {}


def test_one_witness_is_named_as_the_quorum_itself() -> None:
    text = write_policy([LOG.verifier], {"a": WITNESSES["a"].verifier}, 1)
    assert text.endswith("\nquorum a\n")
    assert parse_policy(text).groups == {}


@pytest.mark.parametrize(
    ("rules", "required"),
    [
        ("quorum none\n", ""),
        ("quorum a\n", "a"),
        ("group g 2 a b c\nquorum g\n", ""),
        ("group g 2 b c d\ngroup h all a g\nquorum h\n", "a"),
        ("group g any c d\ngroup h all a b g\nquorum h\n", "ab"),
    ],
)
def test_some_witnesses_are_in_every_quorum(rules: str, required: str) -> None:
    policy = parse_policy(BASE + rules)
    assert {name for name in "abcd" if policy.requires(name)} == set(required)
    assert policy.reached_by(set("abcd"))
