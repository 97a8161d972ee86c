"""/v1/models over HTTP: what is refused before anything is asked or scored.

What it answers where there is a model: `tests/simulation/test_federated_scores.py`.
"""

from pathlib import Path

from tests.support.running_node import Node

JOB = "0" * 32
KEY = "a-row-key-of-somebody"


def test_a_node_without_models_lists_none(node: Node) -> None:
    assert node.http.get("/v1/models").json() == []


def test_a_job_that_made_no_model_stands_nowhere(node: Node) -> None:
    answer = node.http.get(f"/v1/models/{JOB}")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:accord:error:not-found"


def test_a_list_of_keys_is_given_once_and_never_repeated(node: Node, tmp_path: Path) -> None:
    path = f"/v1/models/{JOB}/audience"
    both = node.http.post(path, json={"size": 5, "without": [KEY], "without_path": "list.txt"})
    assert both.status_code == 422
    assert "not both" in both.text
    wrong = node.http.post(path, json={"size": 5, "without": [KEY, 7]})
    assert wrong.status_code == 422
    broken = tmp_path / "list.txt"
    broken.write_bytes(KEY.encode() + b"\n\xff\n")
    unreadable = node.http.post(path, json={"size": 5, "without_path": str(broken)})
    assert unreadable.status_code == 422
    assert unreadable.json()["type"] == "urn:accord:error:dataset-unreadable"
    unknown = node.http.post(path, json={"size": 5, "without": [KEY]})
    assert unknown.status_code == 404
    for answer in (both, wrong, unreadable, unknown):
        assert KEY not in answer.text


def test_scores_of_an_unknown_job_or_a_misspelt_dataset_are_refused(node: Node) -> None:
    assert node.http.post(f"/v1/models/{JOB}/scores").status_code == 404
    assert node.http.post(f"/v1/models/{JOB}/scores?dataset=../x").status_code == 422
