"""The demo's files say what the generator knows, and the product reads them as it was meant."""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from party_node.capture.file_import import import_file
from party_node.demo import people, truth
from party_node.demo.consents import PURPOSES, Standing
from party_node.demo.people import DemoWorld
from party_node.demo.population import make_population
from party_node.demo.sides import BRAND, PUBLISHER, Held
from party_node.demo.spelling import HOME
from protocols.identifiers import normalise_column, normalise_email
from tests.support.node import START_MS, open_storage

PEOPLE, SEED = 3000, 11
FILES = ("customers", "audience", "brand_consents", "publisher_consents")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> DemoWorld:
    return people.make(tmp_path_factory.mktemp("world"), rows=PEOPLE, seed=SEED, now_ms=START_MS)


def _rows(world: DemoWorld, party: str) -> list[dict[str, str | None]]:
    if party == PUBLISHER:
        return pq.read_table(world.audience).to_pylist()
    with world.customers.open(encoding="utf-8", newline="") as file:
        return [{k: v or None for k, v in row.items()} for row in csv.DictReader(file)]


def _events(world: DemoWorld, party: str) -> Iterator[dict[str, object]]:
    if party == BRAND:
        with world.brand_consents.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield {k: v or None for k, v in row.items()} | {
                    "separate": row["separate"] == "true"
                }
    else:
        for line in world.publisher_consents.read_text(encoding="utf-8").splitlines():
            yield {"email": None, "phone": None, "valid_until": None} | json.loads(line)


def test_the_same_arguments_write_the_same_bytes(world: DemoWorld, tmp_path: Path) -> None:
    def digests(made: DemoWorld) -> list[str]:
        return [hashlib.sha256(getattr(made, name).read_bytes()).hexdigest() for name in FILES]

    again = people.make(tmp_path / "a", rows=PEOPLE, seed=SEED, now_ms=START_MS)
    other = people.make(tmp_path / "b", rows=PEOPLE, seed=SEED + 1, now_ms=START_MS)
    assert digests(again) == digests(world)
    assert set(digests(other)).isdisjoint(digests(world))
    assert again.withdrawing == world.withdrawing


def test_sizes_are_as_stated(world: DemoWorld) -> None:
    assert world.people == PEOPLE
    assert world.known_to_both() == round(PEOPLE * 4 / 19)
    for party, share in ((BRAND, 10), (PUBLISHER, 13)):
        side = world.sides[party]
        rows = _rows(world, party)
        assert abs(len(side.people) - PEOPLE * share / 19) <= 1
        assert len(rows) == len(side.keys) == len(set(side.keys))
        assert 0.02 < 1 - len(side.people) / len(rows) < 0.04
        assert set(side.person_of().values()) == set(side.people.tolist())


@pytest.mark.parametrize("party", [BRAND, PUBLISHER])
def test_the_rows_are_about_whom_the_generator_says(world: DemoWorld, party: str) -> None:
    population = make_population(PEOPLE, SEED, (BRAND, PUBLISHER))
    side, rows = world.sides[party], _rows(world, party)
    held = dict(zip(side.people.tolist(), zip(side.email, side.phone, strict=True), strict=True))
    emails = normalise_column("email", [r["email"] for r in rows])
    phones = normalise_column("phone", [r["phone"] for r in rows], HOME)
    seen_phones: dict[int, set[str | None]] = {}
    for row, key, person, email, phone in zip(
        rows, side.keys, side.row_people.tolist(), emails.values, phones.values, strict=True
    ):
        assert key in row.values()
        usable = held[person][0] == Held.USABLE
        assert email == (normalise_email(population.emails[person]) if usable else None)
        assert (row["email"] is None) == (held[person][0] == Held.MISSING)
        seen_phones.setdefault(person, set()).add(phone)
    for person, seen in seen_phones.items():
        assert len(seen - {None}) == (held[person][1] == Held.USABLE)
    assert emails.refused > 5
    assert emails.missing > 5
    assert phones.refused > 5
    assert phones.missing > 20


def test_the_two_sides_spell_the_same_people_differently(world: DemoWorld) -> None:
    spelled = [
        {
            p: r["email"]
            for p, r in zip(world.sides[s].row_people.tolist(), _rows(world, s), strict=True)
        }
        for s in (BRAND, PUBLISHER)
    ]
    common = [p for p in spelled[0] if spelled[0][p] and spelled[1].get(p)]
    assert sum(spelled[0][p] != spelled[1][p] for p in common) > len(common) // 3


@pytest.mark.parametrize(("party", "other"), [(BRAND, PUBLISHER), (PUBLISHER, BRAND)])
def test_a_plain_reading_of_the_events_gives_the_intended_standing(
    world: DemoWorld, party: str, other: str
) -> None:
    population = make_population(PEOPLE, SEED, (BRAND, PUBLISHER))
    by_email = {normalise_email(e): p for p, e in enumerate(population.emails)}
    numbers = normalise_column("phone", [r["phone"] for r in _rows(world, party)], HOME).values
    by_phone = dict(zip(numbers, world.sides[party].row_people.tolist(), strict=True))
    said: dict[tuple[int, str], list[dict[str, object]]] = {}
    ids = set()
    for event in _events(world, party):
        assert (event["email"] is None) != (event["phone"] is None)
        email = normalise_column("email", [event["email"]]).values[0]
        phone = normalise_column("phone", [event["phone"]], HOME).values[0]
        person = by_email[email] if email is not None else by_phone[phone]
        said.setdefault((person, str(event["purpose"])), []).append(event)
        ids.add(event["source_event_id"])
    assert len(ids) == sum(map(len, said.values()))
    now = np.datetime_as_string(np.datetime64(START_MS, "ms")) + "Z"
    for purpose in PURPOSES:
        standings = world.standings[party][purpose]
        for person, standing in zip(world.sides[party].people.tolist(), standings, strict=True):
            events = sorted(said.pop((person, purpose), []), key=lambda e: str(e["event_time"]))
            assert all(str(e["event_time"]) < now for e in events)
            assert _standing(events, other, now) == standing
    assert said == {}


def _standing(events: list[dict[str, object]], other: str, now: str) -> Standing:
    if not events:
        return Standing.SILENT
    last = events[-1]
    if last["state"] == "withdrawn":
        assert [e["state"] for e in events] == ["given", "withdrawn"]
        return Standing.WITHDRAWN
    assert len(events) == 1
    if last["state"] == "refused":
        return Standing.REFUSED
    if last["recipient"] != other:
        return Standing.ELSEWHERE
    if not last["separate"]:
        assert last["jurisdiction"] == "CN"
        return Standing.BUNDLED
    return Standing.GRANTED if str(last["valid_until"]) > now else Standing.EXPIRED


def test_every_kind_of_person_is_there(world: DemoWorld) -> None:
    for party, purpose in ((p, q) for p in (BRAND, PUBLISHER) for q in PURPOSES):
        found = Counter(world.standings[party][purpose].tolist())
        assert all(found[kind] >= 10 for kind in Standing)
    named = Counter(e["phone"] is not None for e in _events(world, BRAND))
    assert 0.05 < named[True] / named.total() < 0.2


def test_the_plain_answers_fit_together(world: DemoWorld) -> None:
    for purpose in PURPOSES:
        matched = truth.matched_people(world, purpose)
        for party in (BRAND, PUBLISHER):
            allowed = truth.permitted_people(world, party, purpose)
            assert np.isin(matched, allowed).all()
            assert truth.permitted(world, party, purpose) == len(allowed)
        assert truth.overlap(world, purpose) == len(matched)
        person_of = world.sides[PUBLISHER].person_of()
        keys = truth.audience(world, purpose)
        assert {person_of[key] for key in keys} == set(matched.tolist())
        assert len(keys) == len(set(keys)) > len(matched)
    assert truth.overlap(world, PURPOSES[0], "phone") != truth.overlap(world, PURPOSES[0])


def test_the_withdrawal_takes_one_row_of_one_purpose(tmp_path: Path) -> None:
    world = people.make(tmp_path, rows=500, seed=2, now_ms=START_MS)
    before = [set(truth.audience(world, p)) for p in PURPOSES]
    permitted = [truth.permitted(world, BRAND, p) for p in PURPOSES]
    truth.withdraw(world)
    after = [set(truth.audience(world, p)) for p in PURPOSES]
    assert before[0] == after[0]
    assert before[1] - after[1] == {world.withdrawing.key}
    assert after[1] < before[1]
    assert [truth.permitted(world, BRAND, p) for p in PURPOSES] == permitted


@pytest.mark.parametrize(("party", "other"), [(BRAND, PUBLISHER), (PUBLISHER, BRAND)])
def test_the_product_comes_to_the_plain_answer(
    world: DemoWorld, tmp_path: Path, party: str, other: str
) -> None:
    node = open_storage(tmp_path, party)
    ledger = node.open_ledger()
    data, consents, key = (
        (world.customers, world.brand_consents, "customer_id")
        if party == BRAND
        else (world.audience, world.publisher_consents, "reader_id")
    )
    report = node.datasets.register("people", data, key, "email", "phone", HOME)
    imported = import_file(
        consents, ledger, node.identity, ledger.vocabulary, "crm", HOME, node.clock.now_ms
    )
    assert (imported.refused_total, report.ambiguous) == (0, 0)
    side = world.sides[party]
    usable = (side.email == Held.USABLE) | (side.phone == Held.USABLE)
    assert report.people == int(usable.sum())
    gate = node.open_gate(ledger)
    for purpose in PURPOSES:
        asked, permitted = gate.preview("people", purpose, other, ("psi",))
        assert asked == report.people
        assert permitted == truth.permitted(world, party, purpose)
