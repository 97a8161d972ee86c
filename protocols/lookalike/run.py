"""A lookalike from end to end, as one protocol: join, look, train, evaluate.

    brand (initiator, has the seeds)                  partner (responder, has the population)
             ── … blinded join … ───────────────────────►  rows in a secret order
    tosses which matching rows are held out
             ── … sum of the other seeds' rows … ───────►  learns it with the brand's noise, and
                                                           makes columns of what matters
             ── … sum of the same seeds' new rows … ────►  learns it with the brand's noise
                                                           trains, scores its population, and
                                                           cuts it into seven buckets by score
             ── … held-out seeds in each bucket … ──────►  learns it with the brand's noise

**Who learns what.** The brand: how many rows there are, filled up, and how many of them match, with
the noise of dummies. The partner: the step of the number of seeds, the three sums with noise, and
what follows from them: model, scores, curve. Held-out seeds are other people than those that train,
so a seed pays for both looks or for the last sum, at one price.

**Assumed public.** Protocol, parameters, the sizes that are said, number and length of messages.

**Security.** That of the parts, semi-honest. A partner that does not follow can lay longer rows
than were agreed and so get more out of a sum than was paid for; a brand can call whom it likes a
seed. Wire format: the messages of the parts, `docs/spec/{alignment,sums-bfv,sums-cot}.md`.
"""

import functools

from protocols.apart import apart, named
from protocols.groups import Backend
from protocols.in_a_row import Begun, then
from protocols.lookalike.records import LookalikeParams, SeedSumParams, TrainingSumsParams
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
from protocols.sums.made_columns import columns_made
from protocols.sums.records import AlignedRows, Sums, SumsGiven
from protocols.sums.spreading import vectors_of

TRAINS, HELD_OUT = "trains/", "held-out/"
"""Stand before the names of the chunks of the second sum and of the third."""
LOOK, TRAINING = "look", "training"
"""Chunks of the partner: what makes the columns of the first sum, and of the second."""


def lookalike_bfv(backend: Backend | None = None) -> TwoParty:
    """Return `lookalike-bfv/2`."""
    return over(SUMS_BFV, "lookalike-bfv/2", backend)


def lookalike_cot(backend: Backend | None = None) -> TwoParty:
    """Return `lookalike-cot/2`."""
    return over(SUMS_COT, "lookalike-cot/2", backend)


def over(route: TwoParty, name: str, backend: Backend | None = None) -> TwoParty:
    """Return the run whose sums are added up by this route."""
    join = blinded_join(backend)
    learns = (
        f"{join.initiator_learns}; nothing of the sums",
        f"{join.responder_learns}; three sums over seeds with noise: two of their rows, and how "
        "many of those held out are in each bucket of its scores",
    )
    in_a_row = functools.partial(
        then,
        name=name,
        title="A model of a brand's seeds over a partner's people, and how good it is",
        takes=(Items, GroupedItems),
        initiator_learns=learns[0],
        responder_learns=learns[1],
    )
    first, again = over_partners_rows(route_of(route)), over_the_same_rows(route_of(route))
    look = columns_made(route, _of_look, _columns)
    looked = in_a_row(join, by_seeds, look, params=SeedSumParams, ahead=first)
    training = columns_made(apart(route, TRAINS), _of_training, _columns, TRAINS)
    trained = in_a_row(looked, by_look, training, params=TrainingSumsParams, ahead=again)
    return in_a_row(trained, by_scores, apart(route, HELD_OUT), params=LookalikeParams, ahead=again)


# Between the parts


def by_seeds(before: Begun, output: JoinedRows | RowsShown, fetch: Fetch, rng: Rng) -> Aligned:
    """Lay out which rows are seeds that train, twice, and, for later, which are held out."""
    params: SeedSumParams = before.params
    rows, laid = AlignedRows(output.rows, params.second.layout.chunk_rows), dict[str, bytes]()
    if before.role is Role.INITIATOR:
        for i in range(chunks.chunk_count(rows.count, rows.chunk_rows)):
            groups = groups_of_rows(params.first.groups, fetch, rows, i)
            vectors = vectors_of(groups, 1, params.hold_out_percent, rng)
            trains = {vector_chunk(i): write_vector(vectors[:, :1])}
            laid |= trains | named(trains, TRAINS)
            laid |= named({vector_chunk(i): write_vector(vectors[:, 1:])}, HELD_OUT)
    return rows, laid


def by_look(before: Begun, output: Sums | SumsGiven, fetch: Fetch, rng: Rng) -> Aligned:
    """Choose at the partner the columns of the second look."""
    params: TrainingSumsParams = before.params
    rows, laid = AlignedRows(output.rows, params.second.layout.chunk_rows), dict[str, bytes]()
    if isinstance(output, Sums):
        from protocols.lookalike.learning import look

        laid = look(rows, output, params.second.layout.columns, fetch, rng)
    return rows, laid


def by_scores(before: Begun, output: Sums | SumsGiven, fetch: Fetch, rng: Rng) -> Aligned:
    """Train and score at the partner; lay out the bucket of each row."""
    params: LookalikeParams = before.params
    rows, laid = AlignedRows(output.rows, params.second.layout.chunk_rows), dict[str, bytes]()
    if isinstance(output, Sums):
        from protocols.lookalike.learning import learn

        laid = learn(rows, output, fetch, rng)
    return rows, laid


# What matrices are made of


def codes_chunk(index: int) -> str:
    """Return the name of a chunk of codes."""
    return chunks.kept("codes", index)


def people_chunk(index: int) -> str:
    """Return the name of a chunk that says whose rows they are."""
    return chunks.kept("people", index)


def _of_look(index: int) -> tuple[str, str, str]:
    return LOOK, people_chunk(index), codes_chunk(index)


def _of_training(index: int) -> tuple[str, str, str]:
    return TRAINING, people_chunk(index), codes_chunk(index)


# Learning brings numerical libraries that nobody but a partner in such a run needs: so late.


def _columns(made_by: bytes, people: bytes, codes: bytes) -> bytes:
    from protocols.lookalike.learning import matrix_chunk

    return matrix_chunk(made_by, people, codes)
