"""Collaborations, rules and jobs through the local API."""

import threading

import pytest

from tests.support.running_node import Pair, keep_result

NONE = "f" * 32


def test_the_collaboration_is_shown_by_both(pair: Pair) -> None:
    for node in (pair.shop, pair.paper):
        (found,) = node.http.get("/v1/collaborations").json()
        assert found["in_force"]
        assert found["signed_by"] == ["paper", "shop"]
        assert found["budget"]["rho"] == "0.5"
        assert node.http.get("/v1/collaborations/spring").json() == [found]
    missing = pair.shop.http.get("/v1/collaborations/autumn")
    assert missing.status_code == 404
    assert missing.json()["type"].endswith(":unknown-collaboration")


def test_a_file_that_cannot_be_read_is_named(pair: Pair) -> None:
    answer = pair.shop.http.post("/v1/collaborations", json={"text": "collaboration: [x"})
    assert answer.status_code == 422
    assert answer.json()["type"].endswith(":invalid-collaboration")


def test_rules_come_and_go_and_wake_the_driver(pair: Pair) -> None:
    body = {
        "collaboration": "spring",
        "kind": "overlap",
        "purpose": "audience-measurement",
        "max_rho": "0.01",
    }
    http = pair.paper.http
    assert http.put("/v1/rules/easy", json=body).json()["max_rho"] == "0.01"
    assert http.put("/v1/rules/easy", json=body | {"max_rho": "0.02"}).status_code == 200
    assert [r["max_rho"] for r in http.get("/v1/rules").json()] == ["0.02"]
    assert pair.paper.driver.woken == 2
    assert http.delete("/v1/rules/easy").status_code == 204
    assert http.delete("/v1/rules/easy").status_code == 404
    assert http.put("/v1/rules/easy", json=body | {"max_rho": "-1"}).status_code == 422
    assert http.put("/v1/rules/Not Easy", json=body).status_code == 422


def test_a_dry_run_asks_nothing(pair: Pair) -> None:
    body = {"collaboration": "spring", "kind": "overlap", "dry_run": True}
    answer = pair.shop.http.post("/v1/jobs", json=body)
    assert answer.status_code == 200
    found = answer.json()
    assert found["preflight"]["rho_before"] == "0.5"
    assert found["preflight"]["rho_after"] == "0.495"
    assert found["preflight"]["questions_before"] > found["preflight"]["questions_after"] > 0
    assert found["cost"] == {
        "rho": "0.005", "epsilon_alone": 0.524, "delta": "1e-8", "paid_by": ["shop", "paper"],
    }  # fmt: skip
    assert [one["who"] for one in found["who_learns"]] == ["shop", "paper", "coordinator"]
    assert pair.shop.http.get("/v1/jobs").json() == []


def test_a_job_by_several_types_says_so_and_has_the_noise_for_it(pair: Pair) -> None:
    body = {"collaboration": "spring", "kind": "overlap", "dry_run": True}
    one = pair.shop.http.post("/v1/jobs", json=body).json()
    assert (one["identifiers"], one["per_person"], one["half_width"]) == (["email"], 1, 29)
    types = {"identifiers": ["phone", "email"]}
    both = pair.shop.http.post("/v1/jobs", json=body | types).json()
    assert (both["identifiers"], both["per_person"]) == (["phone", "email"], 2)
    assert both["half_width"] == 40
    assert "give or take 40 (95 %)" in both["who_learns"][0]["what"]
    assert "how many people match with one identifier, with two" in both["who_learns"][0]["what"]
    few = pair.shop.http.post("/v1/jobs", json=body | types | {"per_person": 1}).json()
    assert (few["per_person"], few["half_width"]) == (1, 29)
    whole = pair.shop.http.post("/v1/jobs", json=body | types | {"kind": "audience"}).json()
    assert (whole["per_person"], whole["half_width"]) == (None, 21)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"identifiers": []}, "malformed-request"),
        ({"identifiers": ["passport"]}, "malformed-request"),
        ({"identifiers": "email"}, "malformed-request"),
        ({"identifier": "email"}, "malformed-request"),
        ({"per_person": 17}, "malformed-request"),
        ({"per_person": -1}, "malformed-request"),
        ({"identifiers": ["email", "email"]}, "job-refused"),
        ({"identifiers": ["email", "idfa"]}, "job-refused"),
        ({"kind": "audience", "per_person": 1}, "job-refused"),
    ],
)
def test_types_that_were_not_agreed_are_refused(
    pair: Pair, asked: dict[str, object], code: str
) -> None:
    body = {"collaboration": "spring", "kind": "overlap"} | asked
    answer = pair.shop.http.post("/v1/jobs", json=body)
    assert answer.json()["type"] == f"urn:accord:error:{code}"
    assert pair.shop.http.get("/v1/jobs").json() == []


def test_a_job_is_asked_for_and_waits_at_the_other_side(pair: Pair) -> None:
    job = pair.ask()
    assert pair.shop.driver.woken == 1
    asked, seen = (n.http.get(f"/v1/jobs/{job}").json() for n in (pair.shop, pair.paper))
    assert (asked["waits_for_us"], seen["waits_for_us"]) == (False, True)
    assert asked["who_learns"] == seen["who_learns"]
    assert (asked["state"], asked["rho"], asked["ended"]) == ("proposed", "0.005", False)
    assert [j["job"] for j in pair.paper.http.get("/v1/jobs").json()] == [job]


def test_approving_is_for_the_other_side_and_happens_once(pair: Pair) -> None:
    job = pair.ask("audience")
    refused = pair.shop.http.post(f"/v1/jobs/{job}/approve")
    assert refused.status_code == 409
    assert refused.json()["type"].endswith(":illegal-state")
    done = pair.paper.http.post(f"/v1/jobs/{job}/approve", json={"by": "dana"})
    assert done.json()["state"] == "accepted"
    assert done.json()["accepted_by"] == "person:dana"
    assert pair.paper.driver.woken == 1
    assert pair.paper.http.post(f"/v1/jobs/{job}/approve").status_code == 409


def test_declining_ends_the_job_and_cancelling_is_for_one_s_own(pair: Pair) -> None:
    job = pair.ask()
    assert pair.shop.http.post(f"/v1/jobs/{job}/decline").status_code == 409
    declined = pair.paper.http.post(f"/v1/jobs/{job}/decline").json()
    assert (declined["state"], declined["cause"]) == ("declined", "declined-by-owner")
    other = pair.ask()
    assert pair.shop.http.post(f"/v1/jobs/{other}/cancel").json()["state"] == "cancelled"


def test_a_result_is_there_or_it_is_said_why_not(pair: Pair) -> None:
    job = pair.ask()
    assert pair.shop.http.get(f"/v1/jobs/{job}/result").status_code == 404
    kept = keep_result(pair.shop, job)
    assert pair.shop.http.get(f"/v1/jobs/{job}/result").json() == kept
    missing = pair.shop.http.get(f"/v1/jobs/{job}/receipt")
    assert (missing.status_code, missing.json()["type"]) == (404, "urn:accord:error:not-found")


@pytest.mark.parametrize("path", ["", "/result", "/receipt"])
def test_unknown_and_impossible_jobs(pair: Pair, path: str) -> None:
    assert pair.shop.http.get(f"/v1/jobs/{NONE}{path}").status_code == 404
    assert pair.shop.http.get(f"/v1/jobs/..%2Fx{path}").status_code in (404, 422)


def test_a_long_poll_answers_at_once_when_the_stage_is_new(pair: Pair) -> None:
    job = pair.ask()
    query = {"wait": 25, "until": "changed", "known": "proposed/elsewhere"}
    found = pair.shop.http.get(f"/v1/jobs/{job}", params=query).json()
    assert found["stage"] == "proposed/start"


def test_a_long_poll_ends_when_the_node_stops(pair: Pair) -> None:
    job = pair.ask()
    threading.Timer(0.2, pair.shop.running.stopping.set).start()
    found = pair.shop.http.get(f"/v1/jobs/{job}", params={"wait": 25}).json()
    assert not found["ended"]
    assert pair.shop.running.stopping.is_set()


@pytest.mark.parametrize(
    "changes",
    [{"kind": "score"}, {"rho": 0.005}, {"rho": "1e-3"}, {"minimum_size": -1}, {"more": 1}],
)
def test_malformed_jobs_are_refused(pair: Pair, changes: dict[str, object]) -> None:
    body = {"collaboration": "spring", "kind": "overlap"} | changes
    answer = pair.shop.http.post("/v1/jobs", json=body)
    assert answer.status_code == 422
    assert answer.json()["type"].endswith(":malformed-request")


def test_a_job_under_an_unknown_collaboration(pair: Pair) -> None:
    body = {"collaboration": "autumn", "kind": "overlap"}
    answer = pair.shop.http.post("/v1/jobs", json=body)
    assert (answer.status_code, answer.json()["hint"] != "") == (404, True)
