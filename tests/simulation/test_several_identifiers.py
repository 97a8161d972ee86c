"""Two nodes that know the same people under different identifiers: each is matched once."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from party_node import audiences, count_noise, job_words
from party_node.api.consent import EventBody, record_event
from party_node.approvals import Rule
from party_node.errors import JobRefused
from party_node.job_views import job_view
from party_node.matching_input import TYPES
from protocols.disclosure import step_up
from tests.support.two_nodes import (
    BRAND,
    FLOOR,
    PARTIES,
    PUBLISHER,
    PURPOSE,
    RHO_NANO,
    Node,
    TwoNodes,
    other,
    two_nodes,
)

NAME = "autumn"
ALL = ["email", "phone", "idfa"]
WHO = {BRAND: range(30), PUBLISHER: range(10, 40)}
BOTH = set(range(10, 30))
SILENT = {BRAND: {28}, PUBLISHER: {22, 39}}
CONTESTED = {14, 15}
"""14's number stands beside 29's address in the brand's file; 15's device is 39's at the
publisher, where 39 has not consented."""
SAME = {0: ("email", "phone"), 1: ("email",), 2: ("phone",), 3: ("idfa",)}
"""Person modulo four → what both parties know of them."""
FAR = 6
"""Noise of sigma 0.67 (three identifiers at rho 10) is beyond this once in 10^18 draws."""

DOCUMENT = f"""\
collaboration: {NAME}
version: 1
title: Autumn
expires: 2027-06-30
minimum_size: 2
budget: {{rho: "1000", delta_exponent: 8}}
parties: {{brand: {{}}, publisher: {{}}}}
datasets:
  - {{party: brand, dataset: people, identifiers: [email, phone, idfa]}}
  - {{party: publisher, dataset: people, identifiers: [email, phone, idfa]}}
jobs:
  - {{kind: overlap, purpose: audience-measurement, receiver: brand}}
  - {{kind: audience, purpose: joint-audience, receiver: publisher, reveal: true}}
"""
PREPARED = DOCUMENT.replace(NAME, "standing").replace(
    "reveal: true", "reveal: true, protocol: psi-dh-prepared/1"
)


def value(party: str, person: int, kind: str) -> str:
    """Return what a party knows of a person: the same at both where `SAME` says so."""
    own = party == PUBLISHER and kind not in SAME[person % 4]
    if kind == "email":
        return f"reader.{person}@example.org" if own else f"person.{person}@example.com"
    if kind == "phone":
        return f"020 7946 0{person + 500 if own else person:03}"
    return str(uuid.UUID(int=person + 1 + (1000 if own else 0)))


def lines(party: str) -> list[str]:
    found = ["key,mail,tel,apple"]
    found += [f"{party}-{n}," + ",".join(value(party, n, kind) for kind in ALL) for n in WHO[party]]
    if party == BRAND:
        found.append(f"second,{value(BRAND, 29, 'email')},{value(BRAND, 14, 'phone')},")
    else:
        found.append(f"second,{value(PUBLISHER, 39, 'email')},,{value(PUBLISHER, 15, 'idfa')}")
    return found


def fill(node: Node) -> None:
    path = node.folder / f"{node.party}-people.csv"
    path.write_text("\n".join(lines(node.party)) + "\n")
    node.services.datasets.register("people", path, "key", "mail", "tel", "GB", {"idfa": "apple"})
    for person in set(WHO[node.party]) - SILENT[node.party]:
        for purpose in PURPOSE.values():
            said = {"email": value(node.party, person, "email"), "state": "given"}
            said |= {"purpose": purpose, "recipient": other(node.party), "separate": True}
            body = EventBody.model_validate(said)
            record_event(body, f"autumn-{person}-{purpose}", node._running())


@pytest.fixture(scope="module")
def world() -> Iterator[TwoNodes]:
    with two_nodes() as found:
        for node in found.nodes.values():
            fill(node)
        found.brand.services.collaborations.propose(DOCUMENT)
        found.publisher.services.collaborations.countersign(NAME, 1)
        for kind, purpose in PURPOSE.items():
            rule = Rule(f"autumn-{kind}", NAME, kind, purpose, RHO_NANO, allow_reveal=True)
            found.publisher.services.rules.put(rule)
        found.brand.services.collaborations.propose(PREPARED)
        found.publisher.services.collaborations.countersign("standing", 1)
        purpose = PURPOSE["audience"]
        rule = Rule("standing", "standing", "audience", purpose, RHO_NANO, allow_reveal=True)
        found.publisher.services.rules.put(rule)
        found.clock.advance(seconds=1)
        yield found


def run(world: TwoNodes, kind: str, identifiers: list[str], **more: Any) -> str:
    job = world.brand.ask(kind, **{"collaboration": NAME, "identifiers": identifiers} | more)
    owner = world.publisher.services.jobs
    world.brand.turn()
    world.publisher.driver.read_board()
    if count_noise.is_exact_inside(owner.description(job)):
        assert world.publisher.state(job)[0] == "proposed", "no standing rule says yes to that"
        owner.approve(job, "person:owner")
    world.settle(job)
    assert world.brand.state(job) == ("completed", "")
    return job


def by(*kinds: str) -> set[int]:
    """Return who matches under one of these types."""
    known = {n for n in BOTH if set(SAME[n % 4]) & set(kinds)}
    silent = SILENT[BRAND] | SILENT[PUBLISHER]
    return known - silent - (CONTESTED if set(kinds) != {"email"} else set())


def activated(world: TwoNodes, job: str) -> set[int]:
    world.clock.now_ms += 1
    keys = audiences.activate(world.publisher.services, job, PUBLISHER).keys
    assert len(keys) == len(set(keys)), "a person with one row has one key"
    return {int(key.rsplit("-", 1)[1]) for key in keys}


@pytest.mark.parametrize(
    ("identifiers", "matched_by"),
    [
        (["email"], {"email": 9}),
        (["phone", "email"], {"phone": 7, "email": 5}),
        (ALL, {"email": 9, "phone": 3, "idfa": 4}),
    ],
)
def test_an_audience_by_several_types_has_each_person_once(world, identifiers, matched_by):
    job = run(world, "audience", identifiers)
    assert activated(world, job) == by(*identifiers)
    result = world.publisher.result(job)
    assert result["audience"] == {"people": len(by(*identifiers))}
    assert result["own"]["matched_by"] == matched_by
    assert world.brand.result(job)["own"]["matched_by"] is None
    for party in PARTIES:
        assert not (world.nodes[party].chunk_folder(job) / TYPES).exists()
    # What the sender heard has noise for one person: the size hides the receiver's people.
    assert abs(world.brand.result(job)["size"]["value"] - len(by(*identifiers))) <= 2


@pytest.mark.slow
def test_a_prepared_set_matches_people_by_several_types_as_any_other(world):
    """And each list of types has a set of its own, under a key of its own."""
    sets = world.brand.services.kept_sets
    own = {}
    for turn in range(2):
        for kinds in (["email"], ["phone", "email"], ["email", "phone"], ALL):
            before = sets.evaluated
            job = run(world, "audience", kinds, collaboration="standing")
            assert activated(world, job) == by(*kinds)
            found = world.brand.result(job)["own"]
            values = sum(each["values"] for each in found["identifiers"].values())
            assert sets.evaluated - before == (0 if turn else values)
            own[tuple(kinds)] = found
            matched_by = world.publisher.result(job)["own"]["matched_by"]
            assert set(matched_by) == set(kinds)
            assert sum(matched_by.values()) == len(by(*kinds))
    assert len(list(world.brand.services.home.prepared.glob("set-*"))) == 4
    assert own[("email",)]["items"] == FLOOR
    assert own[tuple(ALL)]["items"] == step_up(29 + 28 + 29)
    assert own[tuple(ALL)]["identifiers"] == {
        "email": {"people": 29, "values": 29, "shared": 0},
        "phone": {"people": 28, "values": 28, "shared": 1},
        "idfa": {"people": 29, "values": 29, "shared": 0},
    }


@pytest.mark.parametrize(("identifiers", "people"), [(["email"], by("email")), (ALL, by(*ALL))])
def test_a_count_by_several_types_counts_each_person_once(world, identifiers, people):
    job = run(world, "overlap", identifiers)
    for node in world.nodes.values():
        assert abs(node.result(job)["size"]["value"] - len(people)) <= FAR
    noise = world.brand.result(job)["size"]
    view = job_view(world.brand.services, job)
    assert view["identifiers"] == identifiers
    assert view["per_person"] == len(identifiers)
    assert noise["high"] - noise["value"] == view["half_width"]
    assert f"{view['half_width']} (95 %)" in view["who_learns"][0]["what"]


def test_more_identifiers_of_a_person_cost_a_wider_interval(world):
    one = run(world, "overlap", ALL, rho="0.005", per_person=1)
    three = run(world, "overlap", ALL, rho="0.005")
    widths = [job_view(world.brand.services, job)["half_width"] for job in (one, three)]
    assert widths == [29, 60], "of one identifier the count has dummies too"


def test_what_one_side_brought_is_counted_for_that_side_alone(world):
    job = run(world, "overlap", ALL, per_person=2)
    own = world.brand.result(job)["own"]
    assert (own["asked"], own["permitted"], own["matchable"], own["unmatchable"]) == (30, 29, 29, 0)
    assert own["items"] == 2 * FLOOR, "rows of two, filled up by whole rows"
    # All have three identifiers but 14, whose number is somebody else's too.
    assert own["beyond"] == 28
    assert own["identifiers"] == {
        "email": {"people": 29, "values": 29, "shared": 0},
        "phone": {"people": 28, "values": 28, "shared": 1},
        "idfa": {"people": 29, "values": 1, "shared": 0},
    }
    theirs = world.publisher.result(job)["own"]
    assert (theirs["asked"], theirs["permitted"], theirs["items"]) == (30, 28, FLOOR)
    assert theirs["identifiers"]["idfa"] == {"people": 27, "values": 0, "shared": 1}
    said = list(job_words.result(world.brand.result(job)))
    assert "  with phone: 28 people; 1 values that several people have are left out" in said
    assert "  further identifiers of the same people, left out: 28" in said


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("overlap", {"identifiers": ["email", "email"]}),
        ("overlap", {"identifiers": ["email", "gaid"]}),
        ("audience", {"identifiers": ["email"], "per_person": 2}),
    ],
)
def test_a_job_that_does_not_fit_is_refused_before_it_is_asked(world, kind, more):
    with pytest.raises(JobRefused):
        world.brand.ask(kind, collaboration=NAME, **more)
