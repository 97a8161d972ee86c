"""A job of three parties at the coordinator: who says what, and what one may send whom."""

from typing import Any

import pytest

from coordinator import store, wire
from protocols.codec import encode
from protocols.collaboration import Permitted
from protocols.signed import sign
from tests.support.coordinator import JOB, World, b64
from tests.support.three_parties import PATH, ThreeParties

CLOSE = f"/v1/jobs/{JOB}/mailbox/close"


@pytest.fixture
def three(world: World) -> ThreeParties:
    return ThreeParties(world)


@pytest.fixture
def three_on_each(world_on_each: World) -> ThreeParties:
    """The same on SQLite and on PostgreSQL."""
    return ThreeParties(world_on_each)


def code(answer: Any) -> str:
    return str(answer.json()["type"]).removeprefix("urn:accord:error:")


def test_a_job_is_accepted_when_every_other_party_has_accepted(three_on_each: ThreeParties) -> None:
    three, asked = three_on_each, three_on_each.proposed()
    _brand, publisher, shop = three.all
    before = shop.get(f"/v1/jobs/{JOB}").json()["revision"]
    first = three.accept(publisher, asked).json()
    assert (first["state"], set(first["acceptances"])) == ("proposed", {"publisher"})
    assert first["revision"] > before, "the others see who has accepted so far"
    assert three.accept(publisher, asked).json() == first, "said again it changes nothing"
    second = three.accept(shop, asked).json()
    assert (second["state"], set(second["acceptances"])) == ("accepted", {"publisher", "outsider"})
    assert (second["requester"], second["counterparties"]) == ("brand", ["publisher", "outsider"])
    for who in three.all:
        (listed,) = who.get("/v1/jobs?after=0&wait=0").json()
        assert listed == second


def test_a_party_accepts_for_itself_only_and_once(three: ThreeParties) -> None:
    asked = three.proposed()
    brand, publisher, shop = three.all
    assert code(three.accept(publisher, asked, party="outsider")) == "acceptance-refused"
    assert three.accept(publisher, asked).status_code == 200
    assert code(three.accept(publisher, asked, decided_ms=1)) == "illegal-job-event"
    assert code(three.accept(brand, asked)) == "not-your-event"
    assert shop.get(f"/v1/jobs/{JOB}").json()["state"] == "proposed"


def test_one_party_declines_for_all(three: ThreeParties) -> None:
    asked = three.proposed()
    _brand, publisher, shop = three.all
    three.accept(publisher, asked)
    assert three.world.say(shop, "decline", "declined-by-owner").json()["state"] == "declined"
    assert code(three.accept(publisher, asked, decided_ms=2)) == "illegal-job-event"


def test_a_run_is_completed_when_all_have_said_so(three: ThreeParties) -> None:
    three.running()
    states = [three.world.say(who, "complete").json()["state"] for who in three.all]
    assert states == ["running", "running", "completed"]


def test_steps_are_counted_for_each_pair_and_direction(three_on_each: ThreeParties) -> None:
    three = three_on_each
    three.running()
    brand, publisher, shop = three.all
    for sender in three.all:
        for to in three.all:
            if to is not sender:
                assert three.put(sender, to, 0).status_code == 201
    assert three.put(brand, shop, 1).status_code == 201
    assert code(three.put(brand, publisher, 2)) == "step-out-of-order"
    assert three.put(brand, publisher, 1).status_code == 201
    summary = shop.get(f"/v1/jobs/{JOB}/mailbox").json()
    assert summary["sent"] == {"brand": 4, "publisher": 2, "outsider": 2}


def test_nobody_reads_or_sends_for_another_pair(three: ThreeParties) -> None:
    three.running()
    brand, publisher, shop = three.all
    assert three.put(brand, publisher, 0).status_code == 201
    between = wire.path_message(JOB, "brand", "publisher", 0)
    for answer in (shop.get(between), shop.delete(between), shop.put(between, b"x")):
        assert code(answer) == "not-your-mailbox"
    alone = wire.path_message(JOB, "brand", "brand", 0)
    assert code(brand.put(alone, b"x")) == "not-your-mailbox"
    nobody = wire.path_message(JOB, "brand", "nobody", 0)
    assert code(brand.put(nobody, b"x")) == "not-your-mailbox"
    assert publisher.get(between).status_code == 200


def test_a_party_that_is_done_leaves_the_others_to_each_other(three_on_each: ThreeParties) -> None:
    three = three_on_each
    three.running()
    brand, publisher, shop = three.all
    three.put(shop, publisher, 0)
    assert brand.post(CLOSE, {"outcome": "completed"}).status_code == 200
    assert three.put(publisher, shop, 0).status_code == 201
    assert publisher.get(wire.path_message(JOB, "outsider", "publisher", 1)).status_code == 204
    assert code(three.put(publisher, brand, 0)) == "mailbox-closed"
    assert code(publisher.get(wire.path_message(JOB, "brand", "publisher", 0))) == "mailbox-closed"
    publisher.post(CLOSE, {"outcome": "completed"})
    assert shop.get(wire.path_message(JOB, "publisher", "outsider", 0)).status_code == 200
    shop.post(CLOSE, {"outcome": "completed"})
    with three.world.database.reading() as session:
        assert store.count_bodies(session) == 0


def test_a_party_that_has_failed_ends_it_between_the_others_too(three: ThreeParties) -> None:
    three.running()
    brand, publisher, shop = three.all
    assert brand.post(CLOSE, {"outcome": "internal"}).status_code == 200
    for answer in (
        three.put(publisher, shop, 0),
        publisher.get(wire.path_message(JOB, "outsider", "publisher", 0)),
    ):
        assert code(answer) == "mailbox-closed"
        assert answer.json()["party"] == "brand"


def test_a_receipt_has_the_signatures_of_all(three_on_each: ThreeParties) -> None:
    three, asked = three_on_each, three_on_each.running()
    brand, publisher, shop = three.all
    path = f"/v1/jobs/{JOB}/receipt"
    two = three.receipt(asked, (brand, publisher))
    assert code(brand.put(path, two)) == "receipt-refused"
    whole = three.receipt(asked, three.all)
    forged = whole.model_copy(
        update={"signatures": whole.signatures | {"outsider": whole.signatures["brand"]}}
    )
    assert code(brand.put(path, forged)) == "bad-signature"
    assert brand.put(path, whole).status_code == 201
    assert shop.put(path, whole).status_code == 200
    assert wire.ReceiptFiling.model_validate(publisher.get(path).json()) == whole


@pytest.mark.parametrize(
    "clause",
    [
        Permitted("overlap", "psi-dh-cardinality/2", "measurement", "brand", False),
        Permitted("audience", "psi-ot-members/1", "measurement", "brand", True),
        Permitted("overlap", "psi-ring-members/1", "measurement", "brand", False),
        Permitted("audience", "psi-ring-members/1", "measurement", "brand", False),
    ],
)
def test_three_parties_agree_to_protocols_for_three(three: ThreeParties, clause: Permitted) -> None:
    agreed = three.agreement(permitted=(clause,))
    signed = {"signed": b64(encode(sign(three.world.brand.keys, agreed)))}
    assert code(three.world.brand.put(PATH, signed)) == "collaboration-refused"
