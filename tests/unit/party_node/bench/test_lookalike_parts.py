"""Each part of `accord bench lookalike`, on few people: figures that could be otherwise."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from party_node.bench import federated, joint, joint_accuracy, lookalike_parts, lookalike_scale
from party_node.bench.joint_plain import standard
from party_node.bench.lookalike_data import People, make_up
from party_node.bench.lookalike_parts import Part
from party_node.surface_errors import BenchRefused
from tests.support.bench_figures import documented, figures

NANO = 10**9


def fits(part: Part, found: dict[str, Any]) -> None:
    """Every line that is shown has a cell for each heading, and every figure is in the docs."""
    assert figures(found) == documented(part)
    for heading, columns, lines in lookalike_parts.tables(part, found):
        assert heading
        rows = list(lines)
        assert rows
        assert {len(row) for row in rows} == {len(columns)}


def straight(rows: int) -> People:
    """People whose label is about the first and the third of four columns, in a straight line."""
    draws = np.random.default_rng(1)
    table = draws.normal(size=(rows, 4))
    wanted = table @ [1.0, 0, 1, 0] + draws.normal(size=rows) > 0
    return People("made up", {f"x{n}": pa.array(table[:, n]) for n in range(4)}, wanted)


def test_three_partners_are_nearly_as_good_as_the_pooled_model() -> None:
    found = federated.measure(straight(3000), 1, 10 * NANO)
    assert found["pooled_auc"] > 0.8
    for kind in ("all_stay", "one_drops_out"):
        assert 0.97 < found[kind]["ratio_to_pooled"] < 1.03
    assert found["all_stay"]["partners_of_each_round"] == [3, 3]
    assert found["one_drops_out"]["partners_of_each_round"] == [3, 2]
    assert found["epsilon"] > 10
    fits(Part.FEDERATED, found)


def test_noise_drowns_what_three_small_partners_learn() -> None:
    found = federated.measure(straight(1500), 1, NANO // 10**5)
    assert found["all_stay"]["ratio_to_pooled"] < 0.97


def test_what_the_partner_does_is_measured_step_by_step() -> None:
    found = lookalike_scale.measure(2500, 100, NANO, features=4)
    assert found["auc"] > 0.6
    steps = ["bins", "codes", "columns", "second columns", "training", "scores"]
    assert list(found["steps"]) == steps
    spent = sum(step["cpu_seconds"] for step in found["steps"].values())
    assert spent == pytest.approx(found["cpu_seconds"], abs=0.1)
    assert found["peak_mib"] >= found["data_mib"]
    fits(Part.SCALE, found)


@pytest.mark.parametrize("seeds", [24, 2000])
def test_seeds_that_are_not_there_are_refused(seeds: int) -> None:
    with pytest.raises(BenchRefused):
        lookalike_scale.measure(2000, seeds, NANO, features=3)


def test_a_joint_model_stands_beside_the_pooled_ones() -> None:
    found = joint_accuracy.accuracy(straight(3000), 1)
    assert found["own_features"] == found["their_features"] == 2
    assert 0.98 < found["ratio_to_logistic"] < 1.02
    assert found["ratio_to_trees"] > 0.98
    assert found["joint"] > found["own_columns_alone"] + 0.05
    assert found["joint"] == pytest.approx(found["straight_line"], abs=0.01)


def test_what_the_brands_columns_do_together_is_in_the_joint_score() -> None:
    """Where it has both columns of a pair, and not where the partner has one of them."""
    draws = np.random.default_rng(2)
    table = draws.normal(size=(4000, 4))
    wanted = table[:, 0] * table[:, 2] + 0.3 * draws.normal(size=4000) > 0
    people = People("made up", {f"x{n}": pa.array(table[:, n]) for n in range(4)}, wanted)
    found = joint_accuracy.accuracy(people, 1, ours=("x0", "x2"))
    assert found["joint"] > 0.9 > 0.6 > found["straight_line"]
    apart = joint_accuracy.accuracy(people, 1, ours=("x0", "x1"))
    assert apart["joint"] < 0.6


@pytest.mark.parametrize(
    ("ours", "says"), [(("x9",), "x9"), (("x0", "x1", "x2", "x3"), "a column each")]
)
def test_sides_without_columns_are_refused(ours: tuple[str, ...], says: str) -> None:
    with pytest.raises(BenchRefused, match=says):
        joint_accuracy.accuracy(straight(1500), 1, ours)


def test_a_column_that_says_nothing_of_anybody_ends_no_measurement() -> None:
    people = straight(1500)
    columns = people.columns | {"gone": pa.nulls(1500, pa.float64()), "none": pa.nulls(1500)}
    found = joint_accuracy.accuracy(People("x", columns, people.wanted), 1, ("x0", "x1"))
    assert found["joint"] > 0.8


def test_more_features_than_a_job_has_room_for_are_refused_as_there() -> None:
    table = np.random.default_rng(3).normal(size=(1000, 90))
    many = People("x", {f"x{n}": pa.array(table[:, n]) for n in range(90)}, table[:, 0] > 0)
    with pytest.raises(BenchRefused, match="43"):
        joint_accuracy.accuracy(many, 1)


def test_what_is_missing_is_a_column_of_a_linear_model() -> None:
    columns = {"x": pa.array([1.0, None, 3.0]), "k": pa.array(["a", "b", None])}
    found = standard(columns)
    assert found[:, 0] == pytest.approx([-1, 0, 1], abs=1e-6)
    assert found[:, 1].tolist() == [0, 1, 0]
    assert found[:, 2:].sum(axis=1).tolist() == [1, 1, 1]
    assert np.isfinite(standard({"gone": pa.array([None, None], pa.float64())})).all()


def test_too_few_people_are_refused_before_anything_is_measured(tmp_path: Path) -> None:
    few = make_up("plain", 400)
    for measure in (
        lambda: federated.measure(few, 1, NANO),
        lambda: joint_accuracy.accuracy(few, 1),
        lambda: joint.speed(tmp_path, 400),
    ):
        with pytest.raises(BenchRefused):
            measure()
    one = People("x", {"x": pa.array(range(2000))}, np.arange(2000) > 1000)
    with pytest.raises(BenchRefused):
        joint_accuracy.accuracy(one, 1)


def test_parts_are_named() -> None:
    assert lookalike_parts.read("all") == tuple(Part)
    assert lookalike_parts.read("joint") == (Part.JOINT,)
    with pytest.raises(BenchRefused):
        lookalike_parts.read("two")
