"""Aligned sums from end to end: an alignment and then a route, as one protocol.

    sums-join-<route>/1        over the partner's rows, 0/1 by the brand's groups
    sums-labelled-<route>/1    over the partner's rows, values of the brand's own people
    sums-union-<route>/1       over the union, of which neither knows who is in both

The initiator is the brand: it has the vectors. The responder is the partner, who has the matrix.
What a side learns is what the alignment tells it and what the route tells it; nothing of the first
is put together with the second to more than that, except where it says so here:

- *join*: the brand knows which anonymous rows match. A sum over few rows would tell what the
  partner says of these few: the noise of the route, which the receiver does not know, answers that.
- *labelled*: the brand knows which of its own people match. A sum over the rows of a few whom it
  chose would tell of people whom it knows: again it is the noise that answers.
- *union*: neither knows who matches. The brand has seen the number of matches with noise, which
  is charged beside the noise of the sums.

Model of security: as that of the parts, semi-honest.
"""

import dataclasses

from protocols.codec import Record
from protocols.errors import InvalidParameter
from protocols.groups import Backend
from protocols.in_a_row import then
from protocols.psi import ot
from protocols.psi.blinded_join import blinded_join
from protocols.psi.blinded_join_records import GroupedItems
from protocols.psi.union import union_index
from protocols.session import Items, Rng, Role, Transition, TwoParty
from protocols.sums.ahead import over_partners_rows, over_the_union
from protocols.sums.alignment import by_join, by_labels, by_union, row_labels
from protocols.sums.alignment_params import JoinSumParams, LabelledSumParams, UnionSumParams
from protocols.sums.bfv import SUMS_BFV
from protocols.sums.cot import SUMS as SUMS_COT

SUMS_TOLD = "the sums with noise, where it receives them"
"""What either side learns by a route."""


def join_bfv(backend: Backend | None = None) -> TwoParty:
    """Return `sums-join-bfv/1`."""
    return over_join(SUMS_BFV, backend)


def join_cot(backend: Backend | None = None) -> TwoParty:
    """Return `sums-join-cot/1`."""
    return over_join(SUMS_COT, backend)


def over_join(route: TwoParty, backend: Backend | None = None) -> TwoParty:
    """Return `sums-join-<route>/1`."""
    first = blinded_join(backend)
    return then(
        first,
        by_join,
        route,
        params=JoinSumParams,
        takes=(Items, GroupedItems),
        name=_named("join", route),
        title="Sums over the partner's people, by the brand's groups, of whom neither knows who",
        initiator_learns=f"{first.initiator_learns}; {SUMS_TOLD}",
        responder_learns=f"{first.responder_learns}; {SUMS_TOLD}",
        ahead=over_partners_rows(route_of(route)),
    )


def over_labels(route: TwoParty) -> TwoParty:
    """Return `sums-labelled-<route>/1`."""
    first = _numbering(ot.labelled())
    return then(
        first,
        by_labels,
        route,
        params=LabelledSumParams,
        name=_named("labelled", route),
        title="Sums of the brand's own values with what the partner knows of the same people",
        initiator_learns=(
            f"which of its own items match, and the number of items of the other side; {SUMS_TOLD}"
        ),
        responder_learns=f"{first.responder_learns}; {SUMS_TOLD}",
        ahead=over_partners_rows(route_of(route)),
    )


def over_union(route: TwoParty, backend: Backend | None = None) -> TwoParty:
    """Return `sums-union-<route>/1`."""
    first = union_index(backend)
    return then(
        first,
        by_union,
        route,
        params=UnionSumParams,
        name=_named("union", route),
        title="Sums over the people of both, of whom neither learns who is in both",
        initiator_learns=f"{first.initiator_learns}; {SUMS_TOLD}",
        responder_learns=f"{first.responder_learns}; {SUMS_TOLD}",
        ahead=over_the_union(route_of(route)),
    )


def route_of(route: TwoParty) -> str:
    """Return the short name of a route of sums, as `bfv`."""
    return route.name.partition("/")[0].removeprefix("sums-")


def _named(alignment: str, route: TwoParty) -> str:
    """Return the name of a composition. Raises: InvalidParameter for no route of sums."""
    kind, _, version = route.name.partition("/")
    if not kind.startswith("sums-") or version != "1":
        raise InvalidParameter("this is no route of aligned sums")
    return f"sums-{alignment}-{kind.removeprefix('sums-')}/1"


def _numbering(labelled: TwoParty) -> TwoParty:
    """Return a labelled protocol in which the sender's labels are the numbers of its rows."""

    def begin(role: Role, params: Record, ctx: bytes, items: Items, rng: Rng) -> Transition:
        begun = labelled.begin(role, params, ctx, items, rng)
        if role is Role.INITIATOR:
            return begun
        return dataclasses.replace(begun, keep={**begun.keep, **row_labels(items)})

    return dataclasses.replace(labelled, begin=begin)
