"""Invitations and enrolment."""

import base64
import json
from typing import Any

import pytest
from sqlmodel import select

from consent.checkpoint import Cosigner, LogSigner
from coordinator import parties, wire
from coordinator.tables import InvitationRow
from protocols.codec import encode
from tests.support.coordinator import (
    Party,
    World,
    as_bytes,
    b64,
    enrolment,
    party,
)


def code(answer: Any) -> str:
    return str(answer.json()["type"]).removeprefix("urn:accord:error:")


@pytest.fixture
def newcomer(world: World) -> Party:
    return party("newcomer", world.clock)


def _enrol(world: World, body: Any) -> Any:
    return world.http.post("/v1/enrolments", content=as_bytes(body))


def test_an_invitation_enrols(world: World, newcomer: Party) -> None:
    answer = _enrol(world, enrolment(newcomer, world.invite("newcomer")))
    assert answer.status_code == 201
    view = wire.PartyView(**answer.json())
    assert (view.party, view.public) == ("newcomer", encode(newcomer.keys.public()))
    newcomer.http = world.http
    assert newcomer.get("/v1/parties/newcomer").json() == answer.json()


def test_the_same_enrolment_again_is_the_same(world: World, newcomer: Party) -> None:
    body = enrolment(newcomer, world.invite("newcomer"))
    first = _enrol(world, body)
    world.clock.advance(days=8)
    again = _enrol(world, body)
    assert (again.status_code, again.json()) == (200, first.json())


def test_a_used_invitation_does_not_enrol_other_keys(world: World, newcomer: Party) -> None:
    secret = world.invite("newcomer")
    _enrol(world, enrolment(newcomer, secret))
    thief = party("thief", world.clock)
    thief.id = "newcomer"
    thief.keys = type(thief.keys)(
        "newcomer", thief.keys.signing_seed, thief.keys.mlkem_seed, thief.keys.x25519_seed
    )
    thief.ledger = LogSigner("accord/newcomer/consent", bytes(32))
    answer = _enrol(world, enrolment(thief, secret))
    assert (answer.status_code, code(answer)) == (409, "invitation-used")
    answer = _enrol(world, enrolment(thief, world.invite("newcomer", "again")))
    assert (answer.status_code, code(answer)) == (409, "party-exists")


def test_a_new_invitation_with_the_same_keys_is_the_same_party(
    world: World, newcomer: Party
) -> None:
    first = _enrol(world, enrolment(newcomer, world.invite("newcomer")))
    again = _enrol(world, enrolment(newcomer, world.invite("newcomer", "again")))
    assert (again.status_code, again.json()) == (200, first.json())


def test_an_invitation_is_for_one_name(world: World, newcomer: Party) -> None:
    answer = _enrol(world, enrolment(newcomer, world.invite("somebody")))
    assert (answer.status_code, code(answer)) == (403, "invitation-unknown")


def test_an_invitation_expires(world: World, newcomer: Party) -> None:
    secret = world.invite("newcomer")
    world.clock.advance(days=7)
    answer = _enrol(world, enrolment(newcomer, secret))
    assert (answer.status_code, code(answer)) == (403, "invitation-expired")


def test_without_an_invitation_nobody_enrols(world: World, newcomer: Party) -> None:
    answer = _enrol(world, enrolment(newcomer, "guess"))
    assert (answer.status_code, code(answer)) == (403, "invitation-unknown")


def test_an_enrolment_must_prove_what_it_says(world: World, newcomer: Party) -> None:
    secret, other = world.invite("newcomer"), world.outsider
    wrong: list[dict[str, Any]] = [
        {"signature": bytes(64)},
        {"signature": other.keys.sign(wire.ENROLMENT_LABEL, b"x")},
        {"public": encode(other.keys.public())},
        {"public": b"no keys"},
        {"ledger_vkey": other.ledger.vkey},
        {"ledger_vkey": "no key"},
    ]
    for changes in wrong:
        answer = _enrol(world, enrolment(newcomer, secret, **changes))
        assert (answer.status_code, code(answer)) == (422, "enrolment-refused"), changes
    assert _enrol(world, enrolment(newcomer, secret)).status_code == 201


def _with_vkey(newcomer: Party, secret: str, vkey: str) -> wire.Enrolment:
    public = encode(newcomer.keys.public())
    proof = newcomer.keys.sign(wire.ENROLMENT_LABEL, wire.enrolment_input(secret, public, vkey))
    return enrolment(newcomer, secret, ledger_vkey=vkey, signature=proof)


def test_a_ledger_signs_with_a_log_key_of_its_own(world: World, newcomer: Party) -> None:
    secret = world.invite("newcomer")
    witness_key = Cosigner("accord/newcomer/consent", bytes(32)).vkey
    answer = _enrol(world, _with_vkey(newcomer, secret, witness_key))
    assert (answer.status_code, code(answer)) == (422, "enrolment-refused")


@pytest.mark.parametrize(
    "origin",
    [
        "accord/brand/consent",
        "accord/unborn/consent",
        "accord/newcomer",
        "newcomer",
        "accord/newcomer/consent/2",
        "Accord/newcomer/consent",
    ],
)
def test_a_party_enrols_a_ledger_of_its_own_name_only(
    world: World, newcomer: Party, origin: str
) -> None:
    secret = world.invite("newcomer")
    answer = _enrol(world, _with_vkey(newcomer, secret, LogSigner(origin, bytes(32)).vkey))
    assert (answer.status_code, code(answer)) == (422, "enrolment-refused")
    unborn = party("unborn", world.clock)
    assert _enrol(world, enrolment(unborn, world.invite("unborn"))).status_code == 201


@pytest.mark.parametrize("name", ["", "a" * 201, "new\ncomer", "new\0comer", "\u202ecomer"])
def test_the_name_of_a_party_can_be_shown(world: World, newcomer: Party, name: str) -> None:
    answer = _enrol(world, enrolment(newcomer, world.invite("newcomer"), name=name))
    assert (answer.status_code, code(answer)) == (422, "enrolment-refused")


@pytest.mark.parametrize("body", [b"", b"[]", b'{"party": "x"}', b"\xff"])
def test_malformed_enrolments(world: World, body: bytes) -> None:
    answer = _enrol(world, body)
    assert (answer.status_code, code(answer)) == (422, "malformed-request")


def test_secrets_are_not_stored(world: World) -> None:
    secret = world.invite("newcomer")
    world.database.erase_traces()
    files = b"".join(f.read_bytes() for f in world.settings.home.glob("coordinator.db*"))
    assert secret.encode() not in files
    raw = base64.urlsafe_b64decode(secret + "=")
    assert raw not in files
    with world.database.reading() as session:
        rows = session.exec(select(InvitationRow)).all()
    assert len(rows) == 4


def test_a_token_holds_all_that_a_node_needs() -> None:
    made = parties.token("https://hub.example", "hub", "hub/witness+0+0", "brand", "s3cret")
    assert made.startswith("accord-invite:")
    text = made.removeprefix("accord-invite:")
    assert json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))) == {
        "url": "https://hub.example",
        "coordinator": "hub",
        "witness_vkey": "hub/witness+0+0",
        "party": "brand",
        "secret": "s3cret",
    }


def test_the_coordinator_says_who_it_is(world: World) -> None:
    info = wire.CoordinatorInfo(**world.http.get("/v1/coordinator").json())
    assert (info.name, info.wire_version) == ("accord-coordinator", wire.VERSION)
    assert info.time_ms == world.clock()
    assert info.witness_vkey.startswith("accord-coordinator/witness+")


def test_bytes_in_json_are_standard_base64(world: World, newcomer: Party) -> None:
    body = enrolment(newcomer, world.invite("newcomer")).model_dump(mode="json")
    assert body["public"] == b64(encode(newcomer.keys.public()))
    body["public"] = "%%%"
    answer = _enrol(world, body)
    assert (answer.status_code, code(answer)) == (422, "malformed-request")
