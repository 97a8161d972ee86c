"""Which changes of a trust policy ask for less than before."""

import pytest

from consent.checkpoint import Cosigner, LogSigner
from consent.policy import Policy, parse_policy
from party_node.ledger.weakening import MOST_TRIED, weaker

LOG = LogSigner("accord/brand/consent", b"\x01" * 32).verifier
KEYS = {
    name: Cosigner(f"{name}.example/w", bytes([number]) * 32).verifier
    for number, name in enumerate(("hub", "a", "b", "c", *(f"w{i}" for i in range(12))), 2)
}
ALL = "group all all hub a b\nquorum all\n"
TWO = "group others any a b\ngroup q all hub others\nquorum q\n"


def policy(names: str, rules: str, **renamed: str) -> Policy:
    lines = [f"witness {renamed.get(n, n)} {KEYS[n].vkey}" for n in names.split()]
    return parse_policy("\n".join([f"log {LOG.vkey}", *lines, rules]))


@pytest.mark.parametrize(
    ("before", "after", "less"),
    [
        (policy("hub", "quorum hub\n"), policy("hub a b", ALL), False),
        (policy("hub a b", ALL), policy("hub a b", ALL), False),
        (policy("hub a b", TWO), policy("hub a b", ALL), False),
        (policy("hub a b", ALL), policy("hub a b c", "group x all hub a b c\nquorum x\n"), False),
        (policy("hub a b", ALL), policy("hub a b", ALL.replace("hub a", "hub x"), a="x"), False),
        (policy("hub a b", ALL), policy("hub a b", TWO), True),
        (policy("hub a b", ALL), policy("hub a b", "quorum hub\n"), True),
        (policy("hub a b", TWO), policy("hub a", "group q all hub a\nquorum q\n"), True),
        (policy("hub a", "group q all hub a\nquorum q\n"),
         policy("hub b", "group q all hub b\nquorum q\n"), True),
        (policy("hub a b", TWO), policy("hub a b c", TWO.replace("any a b", "any a b c")), True),
        (policy("hub a b", "quorum hub\n"), policy("hub a", "quorum hub\n"), True),
        (policy("hub a", "quorum hub\n"), policy("hub a", "quorum none\n"), True),
    ],
)  # fmt: skip
def test_weaker_is_what_leaves_out_a_witness_or_has_a_new_quorum(
    before: Policy, after: Policy, less: bool
) -> None:
    assert weaker(before, after) is less


def test_a_key_in_anothers_name_is_a_witness_left_out() -> None:
    before = policy("hub a", "group q all hub a\nquorum q\n")
    after = policy("hub b", "group q all hub a\nquorum q\n", b="a")
    assert weaker(before, after)


def test_of_many_witnesses_any_change_of_the_rules_counts() -> None:
    names = " ".join(KEYS)
    assert len(KEYS) > MOST_TRIED
    before = policy(names, ALL)
    assert not weaker(before, policy(names, ALL))
    assert weaker(before, policy(names, ALL.replace("all hub a b", "all hub a b c")))
