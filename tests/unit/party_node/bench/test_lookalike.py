"""What `accord bench lookalike` measures, on few people; and what it refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from party_node.bench import lookalike_peers
from party_node.bench.lookalike import RATIOS, Asked, measure, reached, rows
from party_node.bench.lookalike_data import MADE_UP, make_up, read, usable
from party_node.bench.lookalike_parts import Part
from party_node.surface_errors import BenchRefused
from tests.support.bench_figures import documented, figures

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookalike_peers, "installed", lambda: ())


@pytest.mark.usefixtures("alone")
def test_figures_repeat_and_are_better_than_chance() -> None:
    people = make_up("plain", 5000)
    found, again = (measure(people, Asked((200,), repeats=1)) for _ in range(2))
    at = found["sizes"]["200"]
    assert 0.6 < at["auc"] <= 1
    assert again["sizes"]["200"]["auc"] == at["auc"]
    assert found["epsilon"] == pytest.approx(1, abs=0.01)
    assert len(next(iter(rows(found)))) == 8
    assert figures(found) <= documented(Part.ONE)
    assert at["recall_interval_holds"] in (0, 1)
    # Of the judges' best tenth two in ten are wanted, of the population's hardly one.
    assert 0.1 < at["recall_at_10_percent_of_judges"] < 0.5
    assert 0.1 < at["recall_at_10_percent_of_population"] < 0.5


def test_peers_count_at_their_best_and_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    def fitted(peer: str, rows: Any, seeds: Any, categories: Any) -> list[lookalike_peers.Scores]:
        worse, better = (11, 0) if peer == "lightgbm" else (12, 1)
        return [lambda rows: rows[:, worse], lambda rows: rows[:, better]]

    monkeypatch.setattr(lookalike_peers, "installed", lambda: ("lightgbm", "xgboost"))
    monkeypatch.setattr(lookalike_peers, "fitted", fitted)
    found = measure(make_up("plain", 5000), Asked((200,), repeats=1))
    at = found["sizes"]["200"]
    assert at["lightgbm"] > at["lightgbm_as_it_comes"]
    for ratio, peers in zip(RATIOS, ("", "_as_it_comes"), strict=True):
        better = max(at[f"{peer}{peers}"] for peer in ("lightgbm", "xgboost"))
        assert at[ratio] == pytest.approx(at["auc"] / better, abs=2e-4)
    assert len(next(iter(rows(found)))) == 10
    assert figures(found) == documented(Part.ONE)


def test_an_audience_reaches_whom_it_has_room_for() -> None:
    scores = np.array([4.0, 3, 3, 3, 3, 2, 1, 1, 1, 0])
    assert reached(np.array([4.0, 1]), scores, 0.1) == 0.5
    assert reached(np.array([3.0, 3, 3, 3]), scores, 0.3) == 0.5
    assert reached(scores, scores, 1.0) == 1
    assert reached(np.array([9.0]), scores, 0.01) == 1


@pytest.mark.usefixtures("alone")
def test_more_seeds_than_there_are_wanted_people_are_refused() -> None:
    with pytest.raises(BenchRefused):
        measure(make_up("plain", 2000), Asked((1900,), repeats=1))


def test_made_up_people_repeat_and_differ_by_kind() -> None:
    kinds = [make_up(kind, 400) for kind in MADE_UP]
    assert not np.array_equal(kinds[0].wanted, kinds[2].wanted)
    assert np.array_equal(kinds[0].wanted, make_up("plain", 400).wanted)
    assert kinds[0].columns["gap"].null_count > 0
    with pytest.raises(BenchRefused):
        make_up("other")


def test_views_of_text_are_read_as_text(tmp_path: Path) -> None:
    path = tmp_path / "people.parquet"
    words = pa.array(["a", "b", None] * 100, pa.string_view())
    table = pa.table({"word": words, "x": range(300), "bought": [True, False, True] * 100})
    pyarrow.parquet.write_table(table, path)
    people = read(path, "bought", None, ())
    assert people.columns["word"].type == pa.string()
    assert "word" in usable(people)[0]


@pytest.mark.parametrize("kind", ["csv", "semicolons", "parquet"])
def test_files_are_read_with_what_is_wanted(tmp_path: Path, kind: str) -> None:
    table = pa.table({"a": [1, 2, 3], "b": ["x", "y", "z"], "y": ["no", "yes", "yes"]})
    path = tmp_path / ("people.parquet" if kind == "parquet" else "people.csv")
    if kind == "parquet":
        pyarrow.parquet.write_table(table, path)
    else:
        mark = ";" if kind == "semicolons" else ","
        lines = [mark.join(("a", "b", "y"))]
        lines += [mark.join(map(str, row.values())) for row in table.to_pylist()]
        path.write_text("\n".join(lines))
    people = read(path, "y", None, ("b",))
    assert people.wanted.tolist() == [False, True, True]
    assert list(people.columns) == ["a"]
    assert read(path, "a", "2", ()).wanted.tolist() == [False, True, False]
    codes = read(path, "y", None, ("b",), ("a",))
    assert codes.columns["a"].to_pylist() == ["1", "2", "3"]
    for label, categorical in (("missing", ()), ("y", ("missing",))):
        with pytest.raises(BenchRefused):
            read(path, label, None, (), categorical)


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"not parquet")
    for name in ("x.parquet", "absent.csv"):
        with pytest.raises(BenchRefused):
            read(tmp_path / name, "y", None, ())


@pytest.mark.usefixtures("alone")
def test_a_column_that_a_run_would_refuse_is_left_out_of_all() -> None:
    people = make_up("plain", 5000)
    # Of all people 92 in 100 have different values; of fewer, who seldom meet their like, 97.
    paid = np.arange(5000) % 4600 * 7
    people.columns["paid"] = pa.array(np.random.default_rng(1).permutation(paid))
    assert "paid" not in usable(people)[1]
    assert usable(people, [np.arange(2000)])[1] == ["paid"]
    assert measure(people, Asked((200,), repeats=1))["refused_columns"] == ["paid"]
