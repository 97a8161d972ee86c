"""Columns of features as a file has them: texts become numbers or times where numbers are asked."""

import datetime

import pyarrow as pa
import pytest

from party_node.lookalike.reading import typed
from protocols.lookalike.encoding import numbers
from protocols.lookalike.features import Feature, FeatureKind, MisfitColumn

SINCE = Feature("since", FeatureKind.NUMERIC)


@pytest.mark.parametrize(
    "words",
    [
        ["1970-01-03", " ", "1971-01-01"],
        ["1970-01-03 00:00:00", "", " 1971-01-01 00:00 "],
        ["1970-01-03T02:00:00+02:00", None, "1971-01-01T00:00:00Z"],
    ],
)
def test_dates_are_days_where_numbers_are_stated(words: list[str | None]) -> None:
    read = numbers("since", typed(SINCE, pa.array(words)))
    assert read[0] == 2
    assert read[1] != read[1]
    assert read[2] == 365


def test_where_dates_are_stated_numbers_are_refused() -> None:
    dates = Feature("since", FeatureKind.DATE)
    assert numbers("since", typed(dates, pa.array(["1970-01-03", " "])))[0] == 2
    for wrong in ("5", "5 January"):
        with pytest.raises(MisfitColumn, match="holds no dates") as caught:
            typed(dates, pa.array([wrong, "2024-01-05"]))
        assert wrong not in str(caught.value)


def test_a_date_stays_a_word_where_categories_are_stated() -> None:
    column = typed(Feature("since", FeatureKind.CATEGORICAL), pa.array([" 2024-01-05", ""]))
    assert column.to_pylist() == ["2024-01-05", None]


def test_whole_numbers_are_integers_and_others_are_not() -> None:
    assert typed(SINCE, pa.array(["1", "2.0"])).type == pa.int64()
    assert typed(SINCE, pa.array(["1", "2.5"])).type == pa.float64()


@pytest.mark.parametrize("wrong", ["5 January", "05.01.2024", "2024-13-01"])
def test_what_is_neither_is_refused_and_not_repeated(wrong: str) -> None:
    with pytest.raises(MisfitColumn) as caught:
        typed(SINCE, pa.array([wrong, "2024-01-05"]))
    assert wrong not in str(caught.value)


def test_a_column_of_times_is_days_too() -> None:
    noon = datetime.datetime(1970, 1, 2, 12, tzinfo=datetime.UTC)
    assert numbers("since", typed(SINCE, pa.array([noon]))).tolist() == [1.5]
    assert numbers("since", typed(SINCE, pa.array([noon.date()]))).tolist() == [1.0]
