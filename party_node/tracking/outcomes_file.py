"""Outcomes as people write them, YAML or JSON, read strictly: who of one's own people has them.

dataset: customers            # may be left out: the dataset that the model's job was about
columns: {bought: {categories: ["yes", "no"]}}
where: {eq: {bought: "yes"}}
price: {rho: "0.01"}          # of a lookalike, whose answer the partner pays for

For a lookalike they become a question to the partner (`reach_question`); with scores of one's own
people they are compared here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from party_node.statistics.question_file import read_chosen, taken_apart
from protocols.dp.queries.filters import All, Missing, Not
from protocols.dp.queries.scalars import (
    InvalidQuery,
    Place,
    Plain,
    mapping,
    read_text,
    refused_as_query,
)
from protocols.sums.segments import Segments

KEYS = ("dataset", "columns", "where", "price")


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What a file of outcomes says."""

    dataset: str
    """Empty where it is not said."""
    chosen: Segments
    """Who has the outcome."""
    plain: Mapping[str, Plain]
    """The file as it was written."""

    @property
    def columns(self) -> frozenset[str]:
        """What is read of people's rows."""
        return frozenset(column.source for column in self.chosen.schema.columns)

    @property
    def told(self) -> Segments:
        """Whoever has something in one of the columns."""
        schema = self.chosen.schema
        nothing = All(tuple(Missing(column.name) for column in schema.columns))
        return Segments(schema, "", Not(nothing))


def parse(text: str) -> Outcomes:
    """Return what a file says. Raises: InvalidQuery."""
    found = mapping(taken_apart(text), Place(""), KEYS)
    with refused_as_query():
        chosen = read_chosen(found, Place(""))
        dataset = read_text(found["dataset"], Place("dataset")) if "dataset" in found else ""
        return Outcomes(dataset, chosen, found)


def reach_question(outcomes: Outcomes, model: str, population: str, rho: str) -> str:
    """Return the question of an `insight` job: how many of these the model ranks how high.

    `rho` is the price where one is given beside the file. Raises: InvalidQuery if none is.
    """
    price = {"rho": rho} if rho else outcomes.plain.get("price")
    if price is None:
        raise InvalidQuery("price is missing: as {rho: 0.01} in the file, or with --rho")
    ours = {key: outcomes.plain[key] for key in ("columns", "where")}
    return json.dumps(
        {"query": "reach", "dataset": population, "model": model, "price": price, "ours": ours}
    )
