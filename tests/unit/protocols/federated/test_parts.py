"""Shares, masks and whole numbers by themselves."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import (
    ForgedEnvelope,
    InvalidElement,
    InvalidParameter,
    MalformedMessage,
)
from protocols.federated import fixed_point, masks, shamir
from tests.support.federation import terms_of
from tests.support.seeded import seeded

CTX = bytes(range(32))

PINNED = (
    "ba10208671f082756ed10521a97d0f09",
    "38cf1104b174d67f8f8c000e9574bc1d",
)
"""Made with PyNaCl's X25519, HMAC of the standard library and PyCryptodome's AES."""


@given(st.binary(min_size=32, max_size=32), st.integers(1, 6), st.integers(0, 3))
def test_any_threshold_of_shares_gives_the_secret(secret, threshold, more):
    shares = shamir.deal(secret, threshold, threshold + more, seeded(secret))
    for chosen in itertools.islice(itertools.combinations(range(len(shares)), threshold), 20):
        assert shamir.join({i: shares[i] for i in chosen}) == secret


def test_one_share_too_few_gives_another_number():
    shares = shamir.deal(b"\x07" * 32, 3, 5, seeded("deal"))
    with pytest.raises(MalformedMessage):  # a number below 2^256 with a chance of 2^-265
        shamir.join({0: shares[0], 1: shares[1]})


def test_two_shares_of_three_fit_every_secret():
    """For any secret there is a polynomial through the two: they say nothing about it."""
    shares = shamir.deal(b"\x07" * 32, 3, 3, seeded("deal"))
    for guess in (0, 1, 2**255):
        points = {0: guess, 1: shamir.read(shares[0]), 2: shamir.read(shares[1])}
        third = sum(
            y
            * np.prod([(3 - o) for o in points if o != x], dtype=object)
            * pow(int(np.prod([(x - o) for o in points if o != x], dtype=object)), -1, shamir.PRIME)
            for x, y in points.items()
        )
        share = int(third % shamir.PRIME).to_bytes(shamir.SHARE_BYTES, "big")
        joined = shamir.join({0: shares[0], 1: shares[1], 2: share})
        assert int.from_bytes(joined, "big") == guess


@pytest.mark.parametrize("share", [b"", bytes(65), b"\xff" * 66, shamir.PRIME.to_bytes(66, "big")])
def test_bytes_that_are_no_share_are_refused(share):
    with pytest.raises(MalformedMessage):
        shamir.join({0: share})


@pytest.mark.parametrize(("secret", "threshold"), [(bytes(31), 2), (bytes(32), 0), (bytes(32), 4)])
def test_what_cannot_be_dealt_is_refused(secret, threshold):
    with pytest.raises(InvalidParameter):
        shamir.deal(secret, threshold, 3, seeded("x"))


# Masks


def test_masks_in_pairs_cancel_out():
    a, b = seeded("a")(32), seeded("b")(32)
    one = masks.pair_mask(CTX, 0, (0, a), (1, masks.public_of(b)), 50)
    other = masks.pair_mask(CTX, 0, (1, b), (0, masks.public_of(a)), 50)
    assert ((one + other) == 0).all()
    assert (one != 0).any()


def test_each_run_round_and_pair_has_its_own_mask():
    a, public = seeded("a")(32), masks.public_of(seeded("b")(32))
    drawn = [
        masks.pair_mask(CTX, 0, (0, a), (1, public), 4).tobytes(),
        masks.pair_mask(CTX, 1, (0, a), (1, public), 4).tobytes(),
        masks.pair_mask(CTX, 0, (0, a), (2, public), 4).tobytes(),
        masks.pair_mask(bytes(32), 0, (0, a), (1, public), 4).tobytes(),
        masks.self_mask(CTX, 0, 0, a, 4).tobytes(),
        masks.self_mask(CTX, 1, 0, a, 4).tobytes(),
        masks.self_mask(CTX, 0, 1, a, 4).tobytes(),
    ]
    assert len(set(drawn)) == len(drawn)


def test_a_mask_is_pinned():
    a, b = bytes(range(32)), bytes(range(32, 64))
    pair = masks.pair_mask(CTX, 3, (1, a), (2, masks.public_of(b)), 2)
    own = masks.self_mask(CTX, 3, 1, a, 2)
    assert (pair.tobytes().hex(), own.tobytes().hex()) == PINNED


def test_a_key_of_low_order_is_refused():
    with pytest.raises(InvalidElement):
        masks.pair_mask(CTX, 0, (0, seeded("a")(32)), (1, bytes(32)), 1)
    with pytest.raises(InvalidElement):
        masks.seal_shares(CTX, (0, seeded("a")(32)), (1, b"short"), b"")


def test_sealed_shares_open_for_their_partner_and_this_run_only():
    a, b = seeded("a")(32), seeded("b")(32)
    to, by = masks.public_of(b), masks.public_of(a)
    sealed = masks.seal_shares(CTX, (0, a), (1, to), b"shares")
    assert masks.open_shares(CTX, (1, b), (0, by), sealed) == b"shares"
    for ctx, ours, theirs, data in (
        (bytes(32), (1, b), (0, by), sealed),
        (CTX, (2, b), (0, by), sealed),
        (CTX, (0, a), (1, to), sealed),
        (CTX, (1, b), (0, by), sealed[:-1]),
        (CTX, (1, b), (0, by), b""),
    ):
        with pytest.raises(ForgedEnvelope):
            masks.open_shares(ctx, ours, theirs, data)


# Whole numbers


@given(st.lists(st.floats(-40, 40), min_size=6, max_size=6))
def test_weights_are_sent_as_the_nearest_whole_numbers_within_the_bound(values):
    terms = terms_of(3)
    read = fixed_point.read_weights(terms, fixed_point.sent(terms, np.array(values)))
    assert np.abs(read - np.clip(values, -terms.bound, terms.bound)).max() <= 2.0**-21


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=8))
def test_whole_numbers_cross_the_modulus_and_back(values):
    vector = np.array(values, np.int64)
    assert (fixed_point.from_modular(fixed_point.to_modular(vector)) == vector).all()


@pytest.mark.parametrize(
    ("value", "sent"), [(np.nan, 0), (np.inf, 32), (-np.inf, -32), (1e300, 32)]
)
def test_weights_that_are_no_numbers_or_far_too_large_are_sent_within_the_bound(value, sent):
    terms = terms_of(3)
    read = fixed_point.read_weights(terms, fixed_point.sent(terms, np.full(6, value)))
    assert (read == sent).all()


@pytest.mark.parametrize("data", [b"", bytes(47), bytes(56)])
def test_vectors_of_another_length_are_refused(data):
    with pytest.raises(MalformedMessage):
        fixed_point.read_weights(terms_of(3), data)
