"""Whether one trust policy asks for less than another: what needs two people, not one.

It does if it leaves out a witness, or if some witnesses are a quorum of it that were none before.
All combinations are tried; of many witnesses that would take too long, so there any change of the
rules counts as weaker.
"""

from collections.abc import Iterator

from consent.note import Verifier
from consent.policy import Policy

MOST_TRIED = 12
"""Witnesses of which every combination is tried."""


def weaker(before: Policy, after: Policy) -> bool:
    """Tell whether `after` leaves out a witness of `before` or has a quorum that was none."""
    keys = tuple(after.witnesses.values())
    if any(key not in keys for key in before.witnesses.values()):
        return True
    if len(keys) > MOST_TRIED:
        return not _same_rules(before, after)
    return any(
        _reached(after, chosen) and not _reached(before, chosen) for chosen in _combinations(keys)
    )


def _reached(policy: Policy, chosen: tuple[Verifier, ...]) -> bool:
    return policy.reached_by({name for name, key in policy.witnesses.items() if key in chosen})


def _combinations(keys: tuple[Verifier, ...]) -> Iterator[tuple[Verifier, ...]]:
    for bits in range(1 << len(keys)):
        yield tuple(key for at, key in enumerate(keys) if bits >> at & 1)


def _same_rules(before: Policy, after: Policy) -> bool:
    return (dict(before.groups), before.quorum) == (
        dict(after.groups),
        after.quorum,
    ) and before.witnesses.items() <= after.witnesses.items()
