"""Sealed values open where they were sealed and nowhere else."""

import pytest

from party_node.errors import SealBroken
from party_node.vault import Vault
from tests.support.node import SeededRng


def test_what_is_sealed_opens_under_the_same_context_only():
    vault = Vault(b"k" * 32, SeededRng())
    sealed = vault.seal("subject/1", b"secret")
    assert vault.open("subject/1", sealed) == b"secret"
    assert b"secret" not in sealed
    for other, context in ((vault, "subject/2"), (Vault(b"l" * 32, SeededRng()), "subject/1")):
        with pytest.raises(SealBroken):
            other.open(context, sealed)


@pytest.mark.parametrize("broken", [b"", b"short", b"x" * 40])
def test_bytes_that_were_never_sealed_do_not_open(broken):
    with pytest.raises(SealBroken):
        Vault(b"k" * 32, SeededRng()).open("c", broken)


def test_two_seals_of_one_value_differ_and_labels_give_different_keys():
    vault = Vault(b"k" * 32, SeededRng())
    assert vault.seal("c", b"x") != vault.seal("c", b"x")
    assert vault.derive("a") != vault.derive("b")
    assert vault.derive("a") == Vault(b"k" * 32).derive("a")
