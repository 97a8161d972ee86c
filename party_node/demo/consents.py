"""The consent files: what each person told each side, and when.

The intended standing of each person for each purpose is drawn first; the events that lead to it are
written after it. So what should come out is known without reading a single event back.
"""

import enum
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from party_node.demo import spelling
from party_node.demo.population import Population
from party_node.demo.sides import BRAND, Held, Side

PURPOSES = ("audience-measurement", "joint-audience", "lookalike-audience")
OTHER_RECIPIENT = "someone-else"

_DAY = 24 * 60 * 60 * 1000
_METHODS = ("web-form", "mobile-app", "preference-centre", "paper-form", "in-person")
_BY_PHONE, _WITHDRAWS_BY_OTHER = 0.10, 0.30


class Standing(enum.IntEnum):
    """What a person wants, for one purpose, at one side."""

    GRANTED = 0
    REFUSED = 1
    WITHDRAWN = 2
    """Granted, then withdrawn."""
    EXPIRED = 3
    """Granted until a day that has passed."""
    ELSEWHERE = 4
    """Granted to another recipient only."""
    BUNDLED = 5
    """Granted under Chinese law, but not by an act of its own: counts for nothing (PIPL 23)."""
    SILENT = 6
    """Nothing said, or nothing that can be laid at this person's door."""


_WEIGHTS = (0.70, 0.08, 0.07, 0.05, 0.04, 0.02, 0.04)


@dataclass(frozen=True, slots=True)
class _Event:
    """Arrays of equal length: one event of one kind for each of some people (positions)."""

    who: NDArray[np.int64]
    state: str
    recipient: str
    time_ms: NDArray[np.int64]
    until_ms: NDArray[np.int64] | None
    separate: bool
    jurisdiction: str | None = None
    other_identifier: bool = False


def make_consents(
    population: Population, side: Side, other: str, seed: int, now_ms: int, path: Path
) -> dict[str, NDArray[np.uint8]]:
    """Draw everybody's standing, write the events, and return purpose → standing by position.

    The file is CSV or JSON Lines, by its suffix. Nothing in it is later than `now_ms`, except the
    end of consents that still hold: at least 30 days after.
    """
    rng = np.random.default_rng([seed, 4 if side.party == BRAND else 5])
    by_phone = _by_phone(rng, side)
    nobody = (side.email != Held.USABLE) & (side.phone != Held.USABLE)
    standings, columns = {}, []
    for purpose in PURPOSES:
        standing = rng.choice(len(_WEIGHTS), len(side.people), p=_WEIGHTS).astype(np.uint8)
        standing[nobody] = Standing.SILENT
        standings[purpose] = standing
        columns += [
            _columns(population, side, purpose, event, by_phone, rng)
            for event in _events(rng, standing, other, now_ms)
        ]
    _write(pa.concat_tables(columns), side.party, rng, path)
    return standings


def _by_phone(rng: np.random.Generator, side: Side) -> NDArray[np.bool_]:
    """Return who is named by telephone number: those who must be, and some of the others."""
    has_email, has_phone = side.email == Held.USABLE, side.phone == Held.USABLE
    chosen: NDArray[np.bool_] = rng.random(len(side.people)) < _BY_PHONE
    named: NDArray[np.bool_] = has_phone & (~has_email | chosen)
    return named


def _events(
    rng: np.random.Generator, standing: NDArray[np.uint8], other: str, now_ms: int
) -> list[_Event]:
    def days_ago(count: int, most: int, least: int) -> NDArray[np.int64]:
        return now_ms - rng.integers(least * _DAY, most * _DAY, count)

    events = []
    for kind in Standing:
        who = np.flatnonzero(standing == kind)
        given = days_ago(len(who), 500, 100)
        later = now_ms + rng.integers(30 * _DAY, 700 * _DAY, len(who))
        match kind:
            case Standing.GRANTED:
                events.append(_Event(who, "given", other, given, later, separate=True))
            case Standing.REFUSED:
                events.append(_Event(who, "refused", other, given, None, separate=False))
            case Standing.WITHDRAWN:
                events.append(_Event(who, "given", other, given, later, separate=True))
                events += _withdrawals(rng, who, other, days_ago(len(who), 90, 1))
            case Standing.EXPIRED:
                until = days_ago(len(who), 90, 1)
                events.append(_Event(who, "given", other, given, until, separate=True))
            case Standing.ELSEWHERE:
                events.append(_Event(who, "given", OTHER_RECIPIENT, given, later, separate=True))
            case Standing.BUNDLED:
                events.append(_Event(who, "given", other, given, later, False, "CN"))
            case Standing.SILENT:
                pass
    return events


def _withdrawals(
    rng: np.random.Generator, who: NDArray[np.int64], other: str, times: NDArray[np.int64]
) -> list[_Event]:
    """Some name themselves otherwise when they withdraw than when they agreed."""
    crossed = rng.random(len(who)) < _WITHDRAWS_BY_OTHER
    return [
        _Event(
            who[part], "withdrawn", other, times[part], None, separate=False, other_identifier=cross
        )
        for cross, part in ((False, ~crossed), (True, crossed))
    ]


def _columns(
    population: Population,
    side: Side,
    purpose: str,
    event: _Event,
    by_phone: NDArray[np.bool_],
    rng: np.random.Generator,
) -> pa.Table:
    count = len(event.who)
    phone_named = by_phone[event.who]
    if event.other_identifier:
        both = (side.email[event.who] == Held.USABLE) & (side.phone[event.who] == Held.USABLE)
        phone_named = phone_named ^ both
    people = side.people[event.who].tolist()
    emails: list[str | None] = [None] * count
    phones: list[str | None] = [None] * count
    email_styles = spelling.email_styles(rng, count).tolist()
    phone_styles = spelling.phone_styles(rng, count).tolist()
    for i, (person, named) in enumerate(zip(people, phone_named.tolist(), strict=True)):
        number = population.phones[person]
        if named and number is not None:
            country = population.countries[person]
            phones[i] = spelling.spell_phone(country, number, phone_styles[i])
        else:
            emails[i] = spelling.spell_email(population.emails[person], email_styles[i])
    methods = pa.array(_METHODS).take(pa.array(rng.integers(0, len(_METHODS), count)))
    lived_in = [event.jurisdiction or population.countries[p] for p in people]
    return pa.table(
        {
            "email": pa.array(emails, pa.string()),
            "phone": pa.array(phones, pa.string()),
            "purpose": _same(purpose, count),
            "recipient": _same(event.recipient, count),
            "state": _same(event.state, count),
            "event_time": _instants(event.time_ms),
            "valid_until": _instants(event.until_ms)
            if event.until_ms is not None
            else _same(None, count),
            "notice": _same(f"{side.party}-notice-3", count),
            "method": methods,
            "separate": _same("true" if event.separate else "false", count),
            "jurisdiction": pa.array(lived_in, pa.string()),
        }
    )


def _same(value: str | None, count: int) -> pa.Array:
    return pa.array([value], pa.string()).take(pa.array(np.zeros(count, np.int64)))


def _instants(ms: NDArray[np.int64]) -> pa.Array:
    """Return instants as ISO 8601 in UTC with milliseconds and a Z."""
    return pc.strftime(pa.array(ms, pa.timestamp("ms")), format="%Y-%m-%dT%H:%M:%SZ")


def _write(events: pa.Table, party: str, rng: np.random.Generator, path: Path) -> None:
    events = events.take(pa.array(rng.permutation(events.num_rows)))
    ids = pa.array([f"{party}-{n:08d}" for n in range(1, events.num_rows + 1)])
    events = events.add_column(0, "source_event_id", ids)
    if path.suffix == ".csv":
        pa.csv.write_csv(events, path)
        return
    with path.open("wb") as file:
        for batch in events.to_batches(max_chunksize=100_000):
            file.writelines(line.as_buffer() for line in _json_lines(batch))


def _json_lines(batch: pa.RecordBatch) -> pa.Array:
    """Return one JSON object for each row, without the members that are None.

    Of what JSON has to escape the values hold the tabulator alone.
    """
    lines = None
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        mark = "" if name == "separate" else '"'
        text = pc.replace_substring(column, "\t", "\\t")
        start = f'{{"{name}": {mark}' if lines is None else f', "{name}": {mark}'
        member = pc.fill_null(pc.binary_join_element_wise(start, text, mark, ""), "")
        lines = member if lines is None else pc.binary_join_element_wise(lines, member, "")
    return pc.binary_join_element_wise(lines, "}\n", "")
