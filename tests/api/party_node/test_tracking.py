"""/v1/models/{job}/tracking and /anew: what is refused, and who may ask."""

import httpx2

from party_node.roles.tokens import StaffRole
from tests.support.running_node import Node, Pair

NONE = "0" * 32
OUTCOMES = 'columns: {bought: {categories: ["yes"]}}\nwhere: {eq: {bought: "yes"}}\n'


def refused(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:accord:error:")


def test_a_job_that_is_not_there(node: Node) -> None:
    path = f"/v1/models/{NONE}"
    assert refused(node.http.get(f"{path}/tracking")) == (404, "not-found")
    asked = node.http.post(f"{path}/tracking", json={"outcomes": OUTCOMES})
    assert refused(asked) == (404, "not-found")
    assert refused(node.http.post(f"{path}/anew", json={})) == (404, "not-found")


def test_a_job_that_makes_no_model(pair: Pair) -> None:
    path = f"/v1/models/{pair.ask()}"
    assert refused(pair.shop.http.get(f"{path}/tracking")) == (404, "not-found")
    asked = pair.shop.http.post(f"{path}/tracking", json={"outcomes": OUTCOMES})
    assert refused(asked) == (404, "not-found")
    assert refused(pair.shop.http.post(f"{path}/anew", json={})) == (409, "illegal-state")


def test_outcomes_that_cannot_be_read_say_where(node: Node) -> None:
    wrong = {"outcomes": OUTCOMES.replace("where", "whom")}
    answer = node.http.post(f"/v1/models/{NONE}/tracking", json=wrong)
    assert refused(answer) == (422, "invalid-query")
    assert "whom is not a key" in answer.json()["detail"]
    path = f"/v1/models/{NONE}/tracking"
    assert node.http.post(path, json={"outcomes": ""}).status_code == 422
    assert node.http.post(path, json={"outcomes": OUTCOMES, "rho": "1"}).status_code == 422
    assert node.http.get("/v1/models/../tracking").status_code == 404


def test_a_reach_is_not_of_ones_own_people_alone(node: Node) -> None:
    query = f'query: reach\ndataset: customers\nmodel: {NONE}\nprice: {{rho: "1"}}\n'
    asked = {"query": query, "purpose": "audience-measurement"}
    node.add_people("customers")
    answer = node.http.post("/v1/releases", json=asked)
    assert refused(answer) == (422, "invalid-query")
    assert "people in common" in answer.json()["detail"]


def test_a_compliance_officer_may_look_and_not_compare(node: Node) -> None:
    put = {"name": "ben", "role": StaffRole.COMPLIANCE.value}
    token = node.http.post("/v1/roles", json=put).json()["token"]
    ben = {"Authorization": f"Bearer {token}"}
    path = f"/v1/models/{NONE}"
    assert node.stranger.get(f"{path}/tracking", headers=ben).status_code == 404
    asked = node.stranger.post(f"{path}/tracking", json={"outcomes": OUTCOMES}, headers=ben)
    assert refused(asked) == (403, "not-your-role")
    assert refused(node.stranger.post(f"{path}/anew", json={}, headers=ben))[0] == 403
