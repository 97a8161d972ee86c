"""Agreements: who may propose and sign what, and when a version is in force."""

import dataclasses
from typing import Any

import pytest

from coordinator import wire
from protocols.codec import encode
from protocols.collaboration import Collaboration, Member, Permitted
from protocols.collaboration_terms import MAX_DOCUMENT_BYTES
from protocols.signed import sign
from tests.support.coordinator import DAY_MS, START_MS, Party, World, b64

PATH = "/v1/collaborations/spring/versions/"


def code(answer: Any) -> str:
    return str(answer.json()["type"]).removeprefix("urn:accord:error:")


def _limit(world: World, **limits: int) -> None:
    changed = world.settings.model_copy(update=limits)
    object.__setattr__(world.app.state.services, "settings", changed)


def _propose(who: Party, agreed: Collaboration) -> Any:
    path = f"/v1/collaborations/{agreed.collaboration}/versions/{agreed.version}"
    return who.put(path, {"signed": b64(encode(sign(who.keys, agreed)))})


def _sign(who: Party, agreed: Collaboration) -> Any:
    body = {"signed": b64(encode(sign(who.keys, agreed)))}
    return who.post(f"{PATH}{agreed.version}/countersignatures", body)


def test_in_force_when_all_have_signed(world_on_each: World) -> None:
    world = world_on_each
    agreed = world.collaboration()
    proposed = wire.CollaborationView(**_propose(world.brand, agreed).json())
    assert not proposed.in_force
    assert set(proposed.countersignatures) == {"brand"}
    seen = wire.CollaborationView(**world.publisher.get("/v1/collaborations").json()[0])
    assert seen == proposed
    signed = wire.CollaborationView(**_sign(world.publisher, agreed).json())
    assert signed.in_force
    assert signed.document == encode(agreed)
    assert signed.revision > proposed.revision
    after = f"/v1/collaborations?after={proposed.revision}&wait=0"
    assert [v["revision"] for v in world.brand.get(after).json()] == [signed.revision]


def test_signing_again_changes_nothing(world: World) -> None:
    agreed = world.agree()
    before = world.brand.get(f"{PATH}1").json()
    assert _sign(world.publisher, agreed).json() == before
    again = _propose(world.brand, agreed)
    assert (again.status_code, again.json()) == (200, before)


def test_a_proposal_by_the_other_member_is_its_signature(world: World) -> None:
    agreed = world.collaboration()
    _propose(world.brand, agreed)
    assert _propose(world.publisher, agreed).json()["in_force"]


def test_other_content_under_the_same_version_is_a_conflict(world: World) -> None:
    agreed = world.agree()
    other = dataclasses.replace(agreed, minimum_size=1)
    for answer in (_propose(world.brand, other), _sign(world.publisher, other)):
        assert (answer.status_code, code(answer)) == (409, "collaboration-conflict")


def test_versions_follow_each_other(world: World) -> None:
    answer = _propose(world.brand, world.collaboration(version=2))
    assert (answer.status_code, code(answer)) == (409, "collaboration-conflict")
    agreed = world.agree()
    answer = _propose(world.brand, dataclasses.replace(agreed, version=3))
    assert (answer.status_code, code(answer)) == (409, "collaboration-conflict")


def test_a_new_version_takes_over_when_all_have_signed(world: World) -> None:
    agreed = world.agree()
    second = dataclasses.replace(agreed, version=2, minimum_size=100)
    assert _propose(world.publisher, second).status_code == 201
    assert world.brand.get(f"{PATH}1").json()["in_force"]
    assert _sign(world.brand, second).json()["in_force"]
    assert not world.brand.get(f"{PATH}1").json()["in_force"]
    answer = world.propose(world.job(agreed))
    assert (answer.status_code, code(answer)) == (409, "collaboration-not-in-force")


def test_an_older_version_signed_late_does_not_take_over(world: World) -> None:
    first = world.collaboration()
    second = dataclasses.replace(first, version=2)
    _propose(world.brand, first)
    _propose(world.brand, second)
    assert _sign(world.publisher, second).json()["in_force"]
    assert not _sign(world.publisher, first).json()["in_force"]
    assert world.brand.get(f"{PATH}2").json()["in_force"]


def test_an_outsider_cannot_take_a_name_over(world: World) -> None:
    agreed = world.agree()
    me = Member("outsider", "O", world.outsider.keys.public(), world.outsider.ledger.vkey)
    mine = dataclasses.replace(agreed, version=2, members=(*agreed.members, me))
    answer = _propose(world.outsider, mine)
    assert (answer.status_code, code(answer)) == (404, "unknown-collaboration")
    answer = _sign(world.outsider, agreed)
    assert (answer.status_code, code(answer)) == (404, "unknown-collaboration")


def _refused(world: World) -> dict[str, Collaboration]:
    agreed = world.collaboration()
    brand, publisher = agreed.members
    stranger = dataclasses.replace(publisher, party="stranger")
    other_keys = dataclasses.replace(publisher, public=world.outsider.keys.public())
    other_ledger = dataclasses.replace(publisher, ledger_vkey=world.outsider.ledger.vkey)
    return {
        "alone": world.collaboration(members=(brand,)),
        "twice": world.collaboration(members=(brand, brand)),
        "without the proposer": world.collaboration(members=(publisher, stranger)),
        "a stranger": world.collaboration(members=(brand, stranger)),
        "other keys": world.collaboration(members=(brand, other_keys)),
        "another ledger": world.collaboration(members=(brand, other_ledger)),
        "expired": world.collaboration(expires_ms=START_MS),
    }


@pytest.mark.parametrize(
    "case",
    [
        "alone",
        "twice",
        "without the proposer",
        "a stranger",
        "other keys",
        "another ledger",
        "expired",
    ],
)
def test_documents_that_do_not_fit_are_refused(world: World, case: str) -> None:
    answer = _propose(world.brand, _refused(world)[case])
    assert (answer.status_code, code(answer)) == (422, "collaboration-refused")


def test_a_document_is_signed_by_who_sends_it(world: World) -> None:
    agreed = world.collaboration()
    forged = dataclasses.replace(sign(world.publisher.keys, agreed), signer="brand")
    answer = world.brand.put(f"{PATH}1", {"signed": b64(encode(forged))})
    assert (answer.status_code, code(answer)) == (422, "bad-signature")


def test_a_document_belongs_to_its_path(world: World) -> None:
    body = {"signed": b64(encode(sign(world.brand.keys, world.collaboration())))}
    for target in ("/v1/collaborations/autumn/versions/1", f"{PATH}2"):
        answer = world.brand.put(target, body)
        assert (answer.status_code, code(answer)) == (422, "collaboration-refused")


@pytest.mark.parametrize(
    "changes",
    [
        {"delta_exponent": 0},
        {"delta_exponent": 31},
        {"rho_nano_each": 0},
        {"rho_nano_each": 2**63},
        {"minimum_size": 1},
        {"expires_ms": 253_402_300_800_000},
        {"expires_ms": 2**64 - 1},
        {"title": ""},
        {"title": "\x1b[2J"},
        {"datasets": ()},
        {"permitted": ()},
        {"permitted": (Permitted("overlap", "psi-dh-members/1", "measurement", "brand", False),)},
        {"permitted": (Permitted("overlap", "no-such/1", "measurement", "brand", False),)},
    ],
)
def test_terms_that_would_break_a_members_console_are_refused(
    world: World, changes: dict[str, Any]
) -> None:
    answer = _propose(world.brand, world.collaboration(**changes))
    assert (answer.status_code, code(answer)) == (422, "collaboration-refused")
    assert answer.json()["detail"]
    assert world.publisher.get("/v1/collaborations").json() == []


def test_a_third_member_is_refused(world: World) -> None:
    agreed = world.collaboration()
    third = Member("outsider", "O", world.outsider.keys.public(), world.outsider.ledger.vkey)
    answer = _propose(world.brand, dataclasses.replace(agreed, members=(*agreed.members, third)))
    assert (answer.status_code, code(answer)) == (422, "collaboration-refused")


def test_a_document_that_is_too_large_is_refused_unread(world: World) -> None:
    body = {"signed": b64(b"\x84" + b"\x00" * (2 * MAX_DOCUMENT_BYTES))}
    world.agree()
    for answer in (
        world.brand.put(f"{PATH}1", body),
        world.brand.post(f"{PATH}1/countersignatures", body),
    ):
        assert (answer.status_code, code(answer)) == (422, "collaboration-refused")


@pytest.mark.parametrize("name", ["%00", "Spring", "a" * 64, "spring%0A"])
def test_the_name_in_a_path_is_a_name(world: World, name: str) -> None:
    answer = world.brand.get(f"/v1/collaborations/{name}/versions/1")
    assert (answer.status_code, code(answer)) == (422, "malformed-request")


def test_open_proposals_of_a_party_are_bounded(world_on_each: World) -> None:
    world = world_on_each
    _limit(world, max_open_proposals=2)
    first, second, third = (
        world.collaboration(collaboration=name) for name in ("first", "second", "third")
    )
    for agreed in (first, second):
        assert _propose(world.brand, agreed).status_code == 201
    answer = _propose(world.brand, third)
    assert (answer.status_code, code(answer)) == (429, "too-many-proposals")
    assert answer.json()["limit"] == 2
    assert len(world.publisher.get("/v1/collaborations").json()) == 2
    assert _propose(world.brand, first).status_code == 200, "the same again is no new one"
    assert _propose(world.publisher, third).status_code == 201, "the bound is each party's own"
    assert _propose(world.brand, third).json()["in_force"], "to sign is not to propose"


def test_a_proposal_that_is_signed_superseded_or_expired_makes_room(world_on_each: World) -> None:
    world = world_on_each
    _limit(world, max_open_proposals=1)
    soon = world.collaboration(expires_ms=START_MS + DAY_MS)
    assert _propose(world.brand, soon).status_code == 201
    second = dataclasses.replace(soon, version=2, expires_ms=START_MS + 90 * DAY_MS)
    assert _propose(world.brand, second).status_code == 429
    assert _propose(world.publisher, second).status_code == 201
    assert _propose(world.brand, second).json()["in_force"], "which supersedes the first"
    third = world.collaboration(collaboration="other", expires_ms=START_MS + DAY_MS)
    assert _propose(world.brand, third).status_code == 201
    fourth = world.collaboration(collaboration="fourth")
    assert _propose(world.brand, fourth).status_code == 429
    world.clock.advance(days=1)
    assert _propose(world.brand, fourth).status_code == 201
