"""The parts of `accord bench lookalike`: what each measures, and how it is shown.

Together they reproduce every figure that is claimed about lookalikes, federated training and joint
scores, apart from times over real processes of Flower, which an end-to-end test measures.
"""

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from party_node.bench import federated, joint, joint_accuracy, lookalike, lookalike_scale, words
from party_node.bench.lookalike_data import People
from party_node.surface_errors import BenchRefused

Table = tuple[str, list[str], Iterable[list[str]]]
"""What it was measured on, the columns, the lines."""


class Part(enum.StrEnum):
    """What is measured."""

    ONE = "one"
    """A lookalike of one partner: how good it is."""
    SCALE = "scale"
    """The same over very many people: what it costs."""
    JOINT = "joint"
    """A joint score: how good it is and what it costs."""
    FEDERATED = "federated"
    """One model of three partners: how good it is, and when one drops out."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What all parts are told."""

    people: People
    asked: lookalike.Asked
    rows: int | None
    """How many people are made up where time is measured; None: as many as is aimed at; 0: time of
    joint scores is not measured."""
    folder: Path
    ours: tuple[str, ...] = ()
    """Which columns the brand of a joint score has; none: the first half."""


def read(part: str) -> tuple[Part, ...]:
    """Return the parts that a word means. Raises: BenchRefused."""
    parts = tuple(Part) if part == "all" else tuple(p for p in Part if p == part)
    if not parts:
        raise BenchRefused(f"{part!r} is no part", hint=f"parts are {', '.join(Part)} and all")
    return parts


def measure(part: Part, of: Measured) -> dict[str, Any]:
    """Return the figures of a part. Raises: BenchRefused, BenchFailed; what is refused in runs."""
    asked = of.asked
    match part:
        case Part.ONE:
            return lookalike.measure(of.people, asked)
        case Part.SCALE:
            rows = lookalike_scale.PEOPLE if of.rows is None else of.rows
            return lookalike_scale.measure(rows, max(asked.seeds), asked.rho_nano)
        case Part.JOINT:
            found = {"accuracy": joint_accuracy.accuracy(of.people, asked.repeats, of.ours)}
            if of.rows != 0:
                found["speed"] = joint.speed(of.folder, of.rows or joint.PEOPLE)
            return found
        case Part.FEDERATED:
            return federated.measure(of.people, asked.repeats, asked.rho_nano)


def exact(part: Part, found: dict[str, Any]) -> bool:
    """Return whether all that has to be exact is."""
    if part is Part.JOINT and "speed" in found:
        return all(route["exact"] for route in found["speed"]["routes"].values())
    return True


def tables(part: Part, found: dict[str, Any]) -> Iterator[Table]:
    """Return the figures for people."""
    match part:
        case Part.ONE:
            headings = ["seeds", "AUC", *found["peers"], "ratio", "ratio to defaults", "mean seed"]
            headings += ["recall at 10 %", "columns", "CPU-s"]
            yield words.lookalike_heading(found), headings, lookalike.rows(found)
        case Part.SCALE:
            size = f"{found['people']:,} people, {found['features']} features"
            heading = f"{size}, {found['seeds']:,} seeds"
            yield heading, ["step", "wall s", "CPU-s"], lookalike_scale.words(found)
        case Part.JOINT:
            at = found["accuracy"]
            heading = f"{at['data']}: {at['people']:,} people, {at['own_features']} features"
            heading += f" of the brand, {at['their_features']} of the partner"
            yield heading, ["figure", "AUC"], joint_accuracy.words(at)
            if "speed" not in found:
                return
            at = found["speed"]
            heading = f"made up: {at['people']:,} people, {at['own_features']} features"
            heading += f" of the brand, {at['their_features']} of the partner"
            headings = ["way", "wall s", "CPU-s", "peak MiB", "MB sent", "× same model"]
            yield heading, [*headings, "× trees", "exact"], joint.speed_words(at)
        case Part.FEDERATED:
            price = f"epsilon {found['epsilon']:.2f} at delta 10^-{found['delta_exponent']}"
            heading = f"{found['data']}: {found['people']:,} people of {found['partners']} partners"
            columns = ["training", "AUC", "ratio", "to the best", "CPU-s"]
            yield f"{heading}; {price}", columns, federated.words(found)
