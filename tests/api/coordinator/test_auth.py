"""Who may do what: every route by every kind of caller."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
from fastapi.routing import APIRoute

from coordinator import wire
from coordinator.app import ROUTERS
from protocols.codec import encode
from protocols.signed import sign
from tests.support.coordinator import JOB, World, as_bytes, b64, path

OPEN = {
    "GET /v1/coordinator",
    "POST /v1/enrolments",
    "GET /healthz",
    "GET /readyz",
    "POST /v1/fleet/{call}",  # Flower authenticates its nodes itself
    "POST /witness/add-checkpoint",
    "GET /witness/{origin_hash}/checkpoint",
}


class Case(NamedTuple):
    """A signed route: how the brand calls it rightly, and what another party is told."""

    method: str
    target: str
    right: int
    other: int
    body: Callable[[World], object] = lambda world: None


AGREED = "/v1/collaborations/spring/versions/1"
CASES = {
    "GET /v1/parties": Case("GET", "/v1/parties", 200, 200),
    "GET /v1/parties/{party}": Case("GET", "/v1/parties/publisher", 200, 200),
    "GET /v1/collaborations": Case("GET", "/v1/collaborations", 200, 200),
    "GET /v1/collaborations/{collaboration}/versions/{version}": Case("GET", AGREED, 200, 404),
    "PUT /v1/collaborations/{collaboration}/versions/{version}": Case(
        "PUT", AGREED, 200, 422, lambda w: {"signed": _signed_by_brand(w)}
    ),
    "POST /v1/collaborations/{collaboration}/versions/{version}/countersignatures": Case(
        "POST", f"{AGREED}/countersignatures", 200, 404, lambda w: {"signed": _signed_by_brand(w)}
    ),
    "GET /v1/jobs": Case("GET", "/v1/jobs", 200, 200),
    "GET /v1/jobs/{job}": Case("GET", f"/v1/jobs/{JOB}", 200, 404),
    "PUT /v1/jobs/{job}": Case(
        "PUT",
        f"/v1/jobs/{JOB}",
        200,
        409,
        lambda w: {"signed": b64(encode(sign(w.brand.keys, w.job())))},
    ),
    "POST /v1/jobs/{job}/events": Case(
        "POST", f"/v1/jobs/{JOB}/events", 200, 404, lambda w: {"event": "start"}
    ),
    "PUT /v1/jobs/{job}/receipt": Case(
        "PUT", f"/v1/jobs/{JOB}/receipt", 201, 404, lambda w: w.receipt(w.job())
    ),
    "GET /v1/jobs/{job}/receipt": Case("GET", f"/v1/jobs/{JOB}/receipt", 404, 404),
    "PUT /v1/jobs/{job}/messages/{sender}/{recipient}/{step}": Case(
        "PUT", path("brand", 0), 201, 404, lambda w: w.envelope(w.brand, 0, b"x")
    ),
    "GET /v1/jobs/{job}/messages/{sender}/{recipient}/{step}": Case(
        "GET", path("publisher", 0), 204, 404
    ),
    "DELETE /v1/jobs/{job}/messages/{sender}/{recipient}/{step}": Case(
        "DELETE", path("publisher", 0), 404, 404
    ),
    "PUT /v1/federated/node": Case(
        "PUT", "/v1/federated/node", 503, 503, lambda w: {"public_key": b64(b"no key")}
    ),
    "PUT /v1/federated/trainings/{job}": Case(
        "PUT", f"/v1/federated/trainings/{JOB}", 422, 404, lambda w: {"run": b64(b"no terms")}
    ),
    "GET /v1/federated/trainings/{job}": Case("GET", f"/v1/federated/trainings/{JOB}", 204, 404),
    "GET /v1/jobs/{job}/mailbox": Case("GET", f"/v1/jobs/{JOB}/mailbox", 200, 404),
    "POST /v1/jobs/{job}/mailbox/close": Case(
        "POST", f"/v1/jobs/{JOB}/mailbox/close", 200, 404, lambda w: {"outcome": "completed"}
    ),
}


def _signed_by_brand(world: World) -> str:
    return b64(encode(sign(world.brand.keys, world.collaboration())))


def test_every_route_is_in_the_matrix() -> None:
    routes = [route for router in ROUTERS for route in router.routes]
    assert all(isinstance(route, APIRoute) for route in routes)
    found = {f"{m} {r.path}" for r in routes for m in r.methods}
    assert found == OPEN | CASES.keys()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_authorisation_matrix(world: World, case: Case) -> None:
    world.running()
    content = as_bytes(case.body(world))

    anonymous = world.http.request(case.method, case.target, content=content)
    assert _code(anonymous) == (401, "bad-request-signature")
    assert anonymous.headers["www-authenticate"] == "Accord-Signature"

    headers = world.publisher.headers(case.method, case.target, content)
    headers[wire.HEADER_PARTY] = "brand"
    forged = world.http.request(case.method, case.target, content=content, headers=headers)
    assert _code(forged) == (401, "bad-request-signature")

    assert world.outsider.call(case.method, case.target, content).status_code == case.other
    assert world.brand.call(case.method, case.target, content).status_code == case.right


def _code(answer: object) -> tuple[int, str]:
    status, problem = answer.status_code, answer.json()  # type: ignore[attr-defined]
    assert answer.headers["content-type"] == "application/problem+json"  # type: ignore[attr-defined]
    assert answer.headers["cache-control"] == "no-store"  # type: ignore[attr-defined]
    assert problem["status"] == status
    return status, problem["type"].removeprefix("urn:accord:error:")


def test_an_outsider_sees_only_its_own_lists(world: World) -> None:
    world.proposed()
    assert world.outsider.get("/v1/jobs").json() == []
    assert world.outsider.get("/v1/collaborations").json() == []


def test_old_request_signature_is_refused(world: World) -> None:
    headers = world.brand.headers("GET", "/v1/jobs")
    world.clock.advance(seconds=300)
    assert world.http.get("/v1/jobs", headers=headers).status_code == 200
    world.clock.advance(seconds=1)
    answer = world.http.get("/v1/jobs", headers=headers)
    assert _code(answer) == (401, "clock-skew")
    problem = answer.json()
    assert "301 seconds behind" in problem["detail"]
    assert (problem["skew_seconds"], problem["time_ms"]) == (-301, world.clock())
    assert "NTP" in problem["hint"]


def test_request_from_the_future_is_refused(world: World) -> None:
    headers = world.brand.headers("GET", "/v1/jobs", time_ms=world.clock() + 600_000)
    answer = world.http.get("/v1/jobs", headers=headers)
    assert _code(answer) == (401, "clock-skew")
    assert answer.json()["skew_seconds"] == 600


def test_a_stranger_is_an_unknown_party(world: World) -> None:
    headers = world.brand.headers("GET", "/v1/jobs") | {wire.HEADER_PARTY: "stranger"}
    assert _code(world.http.get("/v1/jobs", headers=headers)) == (401, "unknown-party")


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("POST", "/v1/jobs?after=0", b""),
        ("GET", "/v1/jobs?after=1", b""),
        ("GET", "/v1/jobs", b""),
        ("GET", "/v1/jobs?after=0", b"x"),
        ("GET", "/v1/jobs?after=%30", b""),
    ],
)
def test_a_signature_for_another_request_is_refused(
    world: World, method: str, target: str, body: bytes
) -> None:
    headers = world.brand.headers(method, target, body)
    answer = world.http.get("/v1/jobs?after=0", headers=headers)
    assert _code(answer) == (401, "bad-request-signature")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (wire.HEADER_SIGNATURE, "not base64"),
        (wire.HEADER_SIGNATURE, b64(b"short")),
        (wire.HEADER_TIME, "soon"),
        (wire.HEADER_TIME, "-5"),
        (wire.HEADER_TIME, "9" * 40),
        (wire.HEADER_PARTY, ""),
    ],
)
def test_odd_headers_are_refused(world: World, name: str, value: str) -> None:
    headers = world.brand.headers("GET", "/v1/jobs") | {name: value}
    assert _code(world.http.get("/v1/jobs", headers=headers)) == (401, "bad-request-signature")


def test_the_body_is_read_only_after_the_signature_is_checked(world: World) -> None:
    answer = world.http.put(f"/v1/jobs/{JOB}", content=b"{not json")
    assert _code(answer) == (401, "bad-request-signature")
    assert _code(world.brand.put(f"/v1/jobs/{JOB}", b"{not json")) == (422, "malformed-request")


def test_a_large_body_is_refused(world: World) -> None:
    body = b"x" * (world.settings.max_request_bytes + 1)
    answer = world.brand.put(f"/v1/jobs/{JOB}", body)
    assert _code(answer) == (413, "request-too-large")
    assert answer.json()["limit_bytes"] == world.settings.max_request_bytes


def test_a_large_body_without_a_length_is_refused(world: World) -> None:
    body = b"x" * (world.settings.max_request_bytes + 1)
    answer = world.http.put(
        f"/v1/jobs/{JOB}",
        content=iter([body[:1000], body[1000:]]),
        headers=world.brand.headers("PUT", f"/v1/jobs/{JOB}", body),
    )
    assert _code(answer) == (413, "request-too-large")


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        ("/v1/nothing", 404, "unknown-route"),
        ("/v1/jobs/", 404, "unknown-route"),
        ("/v1/jobs/XYZ", 422, "malformed-request"),
        ("/v1/jobs?after=-1", 422, "malformed-request"),
        ("/v1/parties/nobody", 404, "no-such-party"),
    ],
)
def test_odd_paths_are_problems(world: World, target: str, status: int, code: str) -> None:
    assert _code(world.brand.get(target)) == (status, code)


def test_a_wrong_method_is_a_problem(world: World) -> None:
    answer = world.brand.delete("/v1/parties")
    assert _code(answer) == (405, "method-not-allowed")
    assert answer.headers["allow"] == "GET"


def test_problems_do_not_repeat_what_was_sent(world: World) -> None:
    body = {"signed": "anna@example.com", "phone": "anna@example.com"}
    answer = world.brand.put(f"/v1/jobs/{JOB}", body)
    assert _code(answer) == (422, "malformed-request")
    assert "anna" not in answer.text


def test_parties_are_listed_with_their_keys(world: World) -> None:
    found = [wire.PartyView(**p) for p in world.publisher.get("/v1/parties").json()]
    assert [p.party for p in found] == ["brand", "outsider", "publisher"]
    assert found[0].public == encode(world.brand.keys.public())
