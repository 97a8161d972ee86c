"""A lookalike from end to end, as one protocol: join, train, evaluate.

    brand (initiator, has the seeds)                  partner (responder, has the population)
             ── … blinded join … ───────────────────────►  rows in a secret order
    tosses which matching rows are held out
             ── … sum of the other seeds' rows … ───────►  learns it with the brand's noise
                                                           trains, scores its population, and
                                                           cuts it into seven buckets by score
             ── … held-out seeds in each bucket … ──────►  learns it with the brand's noise

**Who learns what.** The brand: how many rows there are, filled up, and how many of them match, with
the noise of dummies. The partner: the step of the number of seeds, the two sums with noise, and
what follows from them: model, scores, curve. Held-out seeds are other people than those that train,
so a seed pays for one sum.

**Assumed public.** Protocol, parameters, the sizes that are said, number and length of messages.

**Security.** That of the parts, semi-honest. A partner that does not follow can lay longer rows
than were agreed and so get more out of a sum than was paid for; a brand can call whom it likes a
seed. Wire format: the messages of the parts, `docs/spec/{alignment,sums-bfv,sums-cot}.md`.
"""

from collections.abc import Callable

from protocols.apart import apart, named
from protocols.groups import Backend
from protocols.in_a_row import Begun, then
from protocols.lookalike.records import LookalikeParams, SeedSumParams
from protocols.psi import chunks
from protocols.psi.blinded_join import blinded_join
from protocols.psi.blinded_join_records import GroupedItems, JoinedRows, RowsShown
from protocols.session import Fetch, Items, Rng, Role, TwoParty
from protocols.sums.ahead import over_partners_rows, over_the_same_rows
from protocols.sums.alignment import Aligned, groups_of_rows
from protocols.sums.bfv import SUMS_BFV
from protocols.sums.composed import route_of
from protocols.sums.cot import SUMS as SUMS_COT
from protocols.sums.layout import vector_chunk, write_vector
from protocols.sums.records import AlignedRows, Sums, SumsGiven
from protocols.sums.spreading import vectors_of

HELD_OUT = "held-out/"
"""Stands before the names of the chunks of the second sum."""


def lookalike_bfv(backend: Backend | None = None) -> TwoParty:
    """Return `lookalike-bfv/1`."""
    return over(SUMS_BFV, "lookalike-bfv/1", backend)


def lookalike_cot(backend: Backend | None = None) -> TwoParty:
    """Return `lookalike-cot/1`."""
    return over(SUMS_COT, "lookalike-cot/1", backend)


def over(route: TwoParty, name: str, backend: Backend | None = None) -> TwoParty:
    """Return the run whose sums are added up by this route."""
    join = blinded_join(backend)
    learns = (
        f"{join.initiator_learns}; nothing of the sums",
        f"{join.responder_learns}; two sums over seeds with noise: that of their rows, and how "
        "many of those held out are in each bucket of its scores",
    )
    title = "A model of a brand's seeds over a partner's people, and how good it is"
    common = {"name": name, "title": title}
    told = dict(zip(("initiator_learns", "responder_learns"), learns, strict=True))
    trained = then(
        join, by_seeds, route, params=SeedSumParams, takes=(Items, GroupedItems), **common, **told,
        ahead=over_partners_rows(route_of(route)),
    )  # fmt: skip
    return then(
        trained, by_scores, apart(route, HELD_OUT), params=LookalikeParams,
        takes=(Items, GroupedItems), **common, **told, ahead=over_the_same_rows(route_of(route)),
    )  # fmt: skip


def by_seeds(before: Begun, output: JoinedRows | RowsShown, fetch: Fetch, rng: Rng) -> Aligned:
    """Lay out which rows are seeds that train, and, for later, which are held out."""
    params: SeedSumParams = before.params
    rows, laid = AlignedRows(output.rows, params.second.layout.chunk_rows), dict[str, bytes]()
    if before.role is Role.INITIATOR:
        for i in range(chunks.chunk_count(rows.count, rows.chunk_rows)):
            groups = groups_of_rows(params.first.groups, fetch, rows, i)
            vectors = vectors_of(groups, 1, params.hold_out_percent, rng)
            laid[vector_chunk(i)] = write_vector(vectors[:, :1])
            laid |= named({vector_chunk(i): write_vector(vectors[:, 1:])}, HELD_OUT)
    return rows, laid


def by_scores(before: Begun, output: Sums | SumsGiven, fetch: Fetch, rng: Rng) -> Aligned:
    """Train and score at the partner; lay out the bucket of each row."""
    params: LookalikeParams = before.params
    rows, laid = AlignedRows(output.rows, params.second.layout.chunk_rows), dict[str, bytes]()
    if isinstance(output, Sums):
        laid = _learn()(rows, output, fetch, rng)
    return rows, laid


def _learn() -> Callable[[AlignedRows, Sums, Fetch, Rng], dict[str, bytes]]:
    # Learning brings numerical libraries that nobody but a partner in such a run needs.
    from protocols.lookalike.learning import learn

    return learn
