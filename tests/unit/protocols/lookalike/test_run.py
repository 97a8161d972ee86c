"""A lookalike from end to end: what the three sums are of, and what is kept."""

import dataclasses
import itertools

import numpy as np
import pytest

from protocols.errors import InvalidParameter, LocalError
from protocols.lookalike import evaluation
from protocols.lookalike.kept import (
    Array,
    read_model,
    read_representation,
    write_model,
    write_representation,
)
from protocols.lookalike.learning import MODEL, SCORES
from protocols.lookalike.measured import Look, SeedsNotFound
from protocols.lookalike.representation import Representation
from protocols.lookalike.run import HELD_OUT, LOOK, TRAINING, TRAINS, lookalike_bfv, lookalike_cot
from protocols.lookalike.sums import prices
from protocols.lookalike.training import train
from protocols.session import Role
from protocols.sums.layout import read_vector, vector_chunk
from protocols.sums.records import Sums, SumsGiven
from tests.support.lookalike_runs import CHUNK, FILLERS, RUN, params_of, play_lookalike
from tests.support.lookalikes import RHO, Prepared, draws, prepared
from tests.support.pair import Played
from tests.support.seeded import seeded


@pytest.fixture(scope="module")
def people() -> Prepared:
    return prepared(900, step=100)


@pytest.fixture(scope="module")
def seeds(people: Prepared) -> np.ndarray:
    return np.flatnonzero(people.wanted)[:150]


@pytest.fixture(scope="module")
def played(people: Prepared, seeds: np.ndarray) -> Played:
    return play_lookalike(people, np.append(seeds, [5000, 5001]))


def marked(played: Played, people: Prepared, before: str = "") -> np.ndarray:
    """Return the rows that a vector of the brand marks."""
    layout, rows = params_of(len(people.codes)).second.layout, len(people.codes) + FILLERS
    chunks = played.receiver.chunks
    parts = [
        read_vector(layout, chunks[before + vector_chunk(i)]) for i in range(-(-rows // CHUNK))
    ]
    return np.flatnonzero(np.concatenate(parts)[:, 0])


def test_each_seed_trains_or_is_held_out_and_never_both(played, people, seeds):
    trains, held = marked(played, people), marked(played, people, HELD_OUT)
    assert sorted([*trains, *held]) == sorted(seeds)
    assert 15 <= len(held) <= 45, "a fifth of 150, by coins"


def test_the_held_out_are_counted_in_buckets_of_scores(played, people):
    held = marked(played, people, HELD_OUT)
    scores = np.frombuffer(played.sender.chunks[SCORES], "<f4")
    told = np.bincount(evaluation.buckets(scores)[held], minlength=6)
    assert played.sender.output == Sums(len(people.codes) + FILLERS, 1, tuple(told.tolist()))
    assert played.receiver.output == SumsGiven(len(people.codes) + FILLERS)


def test_the_model_is_that_of_the_seeds_that_train(played, people):
    trains = marked(played, people)
    first, second = (read_representation(played.sender.chunks[n])[0] for n in (LOOK, TRAINING))
    before, sums = (_summed(made, people.codes[trains]) for made in (first, second))
    wanted = train(second, people.codes, sums, seeded("any"), Look(first, before))
    model = read_model(played.sender.chunks[MODEL])
    scores = np.frombuffer(played.sender.chunks[SCORES], "<f4")
    assert np.allclose(model.score(people.codes), scores)
    assert np.allclose(wanted.score(people.codes), scores, atol=1e-3)


def test_both_looks_are_over_the_same_seeds(played, people):
    assert np.array_equal(marked(played, people), marked(played, people, TRAINS))


def test_of_few_seeds_both_looks_have_the_same_columns(played, people):
    first, second = (read_representation(played.sender.chunks[n])[0] for n in (LOOK, TRAINING))
    assert (first.rho_nano, second.rho_nano) == prices(RHO)
    assert np.array_equal(first.rows(people.codes), second.rows(people.codes))


def _summed(made: Representation, codes: np.ndarray) -> np.ndarray:
    return made.rows(codes).sum(axis=0, dtype=np.int64)


@pytest.mark.parametrize("protocol", [lookalike_bfv(), lookalike_cot()], ids=lambda p: p.name)
def test_by_either_route(protocol, people, seeds):
    played = play_lookalike(people, seeds, protocol)
    held = marked(played, people, HELD_OUT)
    scores = np.frombuffer(played.sender.chunks[SCORES], "<f4")
    assert isinstance(played.sender.output, Sums)
    told = np.bincount(evaluation.buckets(scores)[held], minlength=6)
    assert played.sender.output.values == tuple(told.tolist())


def test_seeds_that_are_not_in_the_population_are_said_not_to_be_found():
    many = prepared(600, step=500)
    with pytest.raises(SeedsNotFound):
        play_lookalike(many, np.arange(10_000, 10_500), params=params_of(600, percent=20))


def test_chunks_of_later_sums_do_not_touch_those_of_the_first(played):
    for before in (TRAINS, HELD_OUT):
        later = [name for name in played.receiver.chunks if name.startswith(before)]
        assert later
        assert {name.removeprefix(before) for name in later} <= set(played.receiver.chunks)


def test_what_is_kept_reads_back_as_it_was(people):
    again, columns = read_representation(write_representation(people.made, 97))
    assert columns == 97
    # Not bit by bit: how arrays lie in memory changes in which order products are added up.
    assert np.abs(again.rows(people.codes[:50]) - people.made.rows(people.codes[:50])).max() <= 1
    assert write_representation(again, 97) == write_representation(people.made, 97)
    sums = people.made.rows(people.codes[:60]).sum(axis=0, dtype=np.int64)
    model = train(
        dataclasses.replace(people.made, seeds_step=50), people.codes, sums, draws(3).bytes
    )
    same = read_model(write_model(model))
    assert np.allclose(same.score(people.codes), model.score(people.codes), atol=1e-4)


def test_an_array_whose_bytes_do_not_fit_is_refused():
    with pytest.raises(LocalError):
        Array("<f4", (3,), bytes(8))
    with pytest.raises(LocalError):
        Array("|O", (1,), bytes(8))
    with pytest.raises(LocalError):
        Array("<f8", (-1, -1), bytes(8))


@pytest.mark.parametrize("percent", [0, 100])
def test_nobody_or_everybody_held_out_is_refused(percent):
    with pytest.raises(InvalidParameter):
        params_of(100, percent=percent)


def test_the_brand_cannot_be_the_one_who_learns():
    params = params_of(100)
    with pytest.raises(InvalidParameter):
        dataclasses.replace(params, second=dataclasses.replace(params.second, to_holder=True))


def test_it_says_how_far_it_is():
    assert lookalike_bfv().progress is not None


def test_progress_never_goes_back_over_four_parts(people, seeds):
    told: dict[Role, list[tuple[float, float]]] = {role: [] for role in Role}
    roles: dict[int, Role] = {}

    def begin(role, params, ctx, items, rng):
        roles[id(rng)] = role
        return RUN.begin(role, params, ctx, items, rng)

    def step(state, message, fetch, rng):
        said, role = RUN.progress(state), roles[id(rng)]
        peer = len(people.codes) + FILLERS if role is Role.INITIATOR else len(seeds)
        told[role].append((said.done, said.total + said.per_peer_row * peer))
        return RUN.step(state, message, fetch, rng)

    play_lookalike(people, seeds, dataclasses.replace(RUN, begin=begin, step=step))
    for said in told.values():
        wholes = [whole for _, whole in said]
        assert max(wholes) - min(wholes) <= 3, "the whole is known from the beginning"
        parts = [done / whole for done, whole in said]
        # Before it is heard how many rows the partner has, the whole is not a whole number.
        assert all(later > before - 1e-4 for before, later in itertools.pairwise(parts))
        assert parts[0] == 0
        assert parts[-1] > 0.8
