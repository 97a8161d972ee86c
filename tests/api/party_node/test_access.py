"""Who may call the node: every route under /v1 with, without and with a wrong token."""

from typing import Any

import pytest

from party_node.api.access import MAX_BODY_BYTES
from party_node.app import create_app
from tests.support.running_node import Node

JOB = "0" * 32


def routes(node: Node) -> list[tuple[str, str]]:
    """Every method and path of the API, with a value in each place."""
    paths: dict[str, dict[str, Any]] = create_app(node.running).openapi()["paths"]
    filled = [
        (
            method.upper(),
            path.format(
                job=JOB,
                import_id=JOB,
                collaboration="spring",
                version=1,
                name="easy",
                token=JOB,
                request=JOB,
                release=JOB,
                check_id=JOB,
                index=1,
                answer=1,
                path="0/000",
                notice_hash=JOB * 2,
            ),
        )
        for path, methods in paths.items()
        for method in methods
    ]
    return [(method, path) for method, path in filled if path.startswith("/v1")]


def test_every_route_refuses_who_has_no_token(node: Node) -> None:
    found = routes(node)
    assert len(found) > 20
    for method, path in found:
        answer = node.stranger.request(method, path)
        assert answer.status_code == 401, (method, path)
        assert answer.json()["type"] == "urn:accord:error:unauthorised"
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("given", ["Bearer ", "Bearer wrong", "Basic abc", "", "Bearer é"])
def test_a_wrong_token_is_refused(node: Node, given: str) -> None:
    answer = node.stranger.get("/v1/status", headers={"Authorization": given.encode()})
    assert answer.status_code == 401


def test_unknown_paths_under_the_api_say_nothing_without_a_token(node: Node) -> None:
    assert node.stranger.get("/v1/nothing").status_code == 401
    assert node.stranger.get("/v1").status_code == 401
    assert node.stranger.get("/v1/openapi.json").status_code == 401


def test_the_session_cookie_does_not_open_the_api(node: Node) -> None:
    node.stranger.cookies.set("accord-shop", node.running.token)
    assert node.stranger.get("/v1/status").status_code == 401


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_large_body_is_refused_before_it_is_read(node: Node) -> None:
    answer = node.http.post("/v1/collaborations", content=b"x" * (MAX_BODY_BYTES + 1))
    assert answer.status_code == 413
    assert answer.json()["type"].endswith(":request-too-large")


def test_unknown_route_and_method_are_problems(node: Node) -> None:
    missing = node.http.get("/v1/nothing")
    assert (missing.status_code, missing.json()["type"]) == (404, "urn:accord:error:unknown-route")
    wrong = node.http.delete("/v1/status")
    assert wrong.status_code == 405
    assert wrong.json()["type"] == "urn:accord:error:method-not-allowed"


def test_nothing_may_be_cached(node: Node) -> None:
    assert node.http.get("/v1/status").headers["cache-control"] == "no-store"
