"""Health, logs and what nobody foresaw."""

import contextlib
import io
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from coordinator import observability, store
from coordinator.app import create_app
from coordinator.errors import NotInitialised
from coordinator.problems import STATUS
from coordinator.settings import build
from tests.support.coordinator import JOB, World, path
from tests.support.depth import examples


@contextlib.contextmanager
def configured(monkeypatch: pytest.MonkeyPatch, **chosen: str) -> Iterator[io.StringIO]:
    """Configure logging onto a stream of the test's own, and put everything back."""
    root, stream = logging.getLogger(), io.StringIO()
    before = root.handlers[:], root.level
    monkeypatch.setattr(sys, "stderr", stream)
    observability.configure(build(chosen))
    try:
        yield stream
    finally:
        root.handlers, root.level = before[0], before[1]
        structlog.reset_defaults()


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Log as JSON, and return what was logged."""
    with configured(monkeypatch, log_format="json", log_level="debug") as stream:
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_alive_and_ready(world: World) -> None:
    assert world.http.get("/healthz").json() == {"status": "alive"}
    answer = world.http.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert answer.json()["checks"] == {"database": "ok", "schema": "ok", "accepting": "ok"}


def test_not_ready_with_another_schema(world: World) -> None:
    with world.database.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9'"))
    answer = world.http.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["schema"]) == (503, "unknown-schema")
    assert world.http.get("/healthz").status_code == 200


def test_not_ready_without_a_database(world: World) -> None:
    for file in world.settings.home.glob("coordinator.db*"):
        file.unlink()
    (world.settings.home / "coordinator.db").mkdir()
    world.database.close()  # connections that are open would still see the deleted file
    answer = world.http.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["database"]) == (503, "not-ready")
    refused = world.brand.get("/v1/jobs")
    assert refused.status_code == 503
    assert refused.json()["type"] == "urn:accord:error:database-unavailable"
    assert refused.headers["retry-after"] == "5"


def test_a_home_must_be_initialised(tmp_path: Path) -> None:
    with pytest.raises(NotInitialised):
        create_app(build({"home": tmp_path}))


def test_every_problem_has_one_code() -> None:
    codes = [error.code for error in STATUS]  # type: ignore[attr-defined]
    assert len(codes) == len(set(codes))


def test_what_nobody_foresaw_is_an_id_and_nothing_else(
    world: World, monkeypatch: pytest.MonkeyPatch, logs: Any
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("anna@example.com")

    monkeypatch.setattr(store, "jobs_after", broken)
    answer = world.brand.get("/v1/jobs")
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (500, "urn:accord:error:internal")
    found = logs()
    (logged,) = [line for line in found if line["event"] == "request-error"]
    assert (logged["id"], logged["error"]) == (problem["id"], "RuntimeError")
    assert "broken" in logged["places"][-1]
    assert "anna" not in answer.text + json.dumps(found)


def test_a_request_is_logged_without_what_it_was_about(world: World, logs: Any) -> None:
    world.proposed()
    world.brand.put(path("brand", 0), world.envelope(world.brand, 0, b"x"))
    world.brand.get("/v1/jobs?after=0&wait=0")
    world.http.get("/v1/secret-place")
    lines = [line for line in logs() if line["event"] == "request"]
    routes = [line["route"] for line in lines]
    assert routes[-3:] == [
        "/v1/jobs/{job}/messages/{sender}/{recipient}/{step}",
        "/v1/jobs",
        "(none)",
    ]
    assert set(lines[-1]) == {"event", "level", "timestamp", "method", "route", "status", "ms"}
    whole = json.dumps(lines)
    for word in (JOB, "brand", "publisher", "after", "secret-place"):
        assert word not in whole


def test_logs_are_lines_for_people_where_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with configured(monkeypatch, log_format="console") as stream:
        observability.log.info("listening", port=1)
    assert "listening" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


TARGETS = [
    ("PUT", f"/v1/jobs/{JOB}"),
    ("POST", f"/v1/jobs/{JOB}/events"),
    ("PUT", f"/v1/jobs/{JOB}/receipt"),
    ("PUT", path("brand", 0)),
    ("POST", f"/v1/jobs/{JOB}/mailbox/close"),
    ("PUT", "/v1/collaborations/spring/versions/1"),
    ("POST", "/v1/collaborations/spring/versions/1/countersignatures"),
    ("POST", "/v1/enrolments"),
    ("POST", "/witness/add-checkpoint"),
]
BODIES = st.one_of(
    st.binary(max_size=200),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["signed", "event", "cause", "acceptance", "outcome", "receipt", "signatures"]
                ),
                inner,
            )
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
)


@settings(max_examples=examples(15), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(target=st.sampled_from(TARGETS), body=BODIES)
def test_any_body_is_answered_and_none_breaks(
    world: World, target: tuple[str, str], body: bytes
) -> None:
    if world.http.get("/readyz").status_code == 200 and not world.brand.get("/v1/jobs").json():
        world.proposed()
    answer = world.brand.call(*target, body)
    assert 400 <= answer.status_code < 500
