"""The sum of masked updates, and what still hides it taken away.

For each partner that dropped out, the masks that the others added for it; for each that stayed, its
own. Every secret that is put together from shares is compared with what its owner said of it before
anything was masked. Should some shares be wrong, others are tried.
"""

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from protocols.errors import PeerError
from protocols.federated import fixed_point, masks, shamir
from protocols.federated.errors import TooFewPartners
from protocols.federated.fixed_point import Modular, Whole
from protocols.federated.records import Keys, Masked, Opened
from protocols.federated.terms import Run

TRIES = 1000
"""Choices of `threshold` shares that are tried for one secret."""


def total(
    run: Run,
    keys: Mapping[int, Keys],
    dealers: Sequence[int],
    masked: Sequence[Masked],
    opened: Sequence[Opened],
) -> Whole:
    """Return the sum of the updates of those in `masked`; `dealers` are all that gave shares.

    Raises: TooFewPartners if the shares in `opened` do not open it.
    """
    ctx, turn = run.context(), masked[0].turn
    entries = run.terms.entries(turn)
    values = [np.frombuffer(m.values, "<u8").astype(np.uint64) for m in masked]
    found: Modular = np.add.reduce(values)
    survivors = [m.number for m in masked]
    for place, number in enumerate(dealers):
        said = keys[number].turns[turn]
        shares = {o.number: o.shares[place] for o in opened if o.shares[place]}
        if number in survivors:
            check = functools.partial(masks.check_of, ctx, number, turn)
            own = _secret(run, shares, said.self_check, check)
            found = found - masks.self_mask(ctx, turn, number, own, entries)
        else:
            pair = _secret(run, shares, said.pair, masks.public_of)
            for other in survivors:
                theirs = other, keys[other].turns[turn].pair
                # What it would have added is the negative of what the other one added for it.
                found = found + masks.pair_mask(ctx, turn, (number, pair), theirs, entries)
    return fixed_point.from_modular(found)


def _secret(
    run: Run, shares: Mapping[int, bytes], said: bytes, check: Callable[[bytes], bytes]
) -> bytes:
    choices = itertools.combinations(sorted(shares), run.terms.threshold)
    for chosen in itertools.islice(choices, TRIES):
        try:
            secret = shamir.join({i: shares[i] for i in chosen})
        except PeerError:
            continue
        if check(secret) == said:
            return secret
    raise TooFewPartners("the shares that came do not open the sum")
