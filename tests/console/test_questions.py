"""Questions in the console: written, looked ahead at, asked; no form smuggles anything in."""

import html
import json
import re

import httpx2
import pytest

from party_node.console.answering import CSP
from party_node.console.asking import Offer, Written, text_of
from protocols.question import read
from protocols.sums.insight import Insight
from tests.support.running_node import Pair

AUTUMN = """\
collaboration: autumn
version: 1
title: Autumn
expires: 2028-06-30
minimum_size: 50
budget: {rho: "0.5", delta_exponent: 8}
parties: {shop: {}, paper: {}}
datasets:
  - {party: shop, dataset: customers, identifiers: [email]}
  - {party: paper, dataset: readers, identifiers: [email], columns: [tier, spend]}
jobs:
  - {kind: insight, purpose: audience-measurement, receiver: shop}
"""
KEY = "autumn audience-measurement paper readers"
FORM = {"offer": KEY, "kind": "histogram", "by": "tier", "words": "gold, silver", "price": "100"}


@pytest.fixture
def asking(pair: Pair) -> Pair:
    """Both nodes under an agreement that lets the shop ask, whose console is signed in to."""
    assert pair.shop.http.post("/v1/collaborations", json={"text": AUTUMN}).status_code == 201
    signed = pair.paper.http.post("/v1/collaborations/autumn/versions/1/countersignatures")
    assert signed.json()["in_force"]
    post(pair, "/sign-in", token=pair.shop.running.token)
    return pair


def post(pair: Pair, path: str, **form: str) -> httpx2.Response:
    return pair.shop.stranger.post(path, data=form, headers={"Origin": "http://shop.test"})


def question_in(page: str) -> str:
    found = re.search(r"<textarea[^>]*>(.*?)</textarea>", page, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


def test_the_form_offers_what_the_agreement_lets_this_party_ask(asking: Pair) -> None:
    page = asking.shop.stranger.get("/questions").text
    assert f'value="{KEY}"' in page
    assert "tier, spend" in page
    assert "questions left at ±100 people, epsilon" in page
    assert 'href="/questions"' in asking.shop.stranger.get("/").text


def test_a_question_is_written_looked_ahead_at_and_asked(asking: Pair) -> None:
    answer = post(asking, "/questions/write", **FORM)
    assert answer.status_code == 200, answer.text
    told = html.unescape(answer.text)
    assert re.search(r"price: rho 0\.\d+ \(epsilon [0-9.]+ alone, at delta 1e-8\)", told)
    assert "from the budget of paper" in told
    assert "counts give or take" in told
    assert "questions left at ±100 people before" in told
    assert asking.shop.http.get("/v1/jobs").json() == [], "nothing is asked yet"
    text = question_in(answer.text)
    assert post(asking, "/questions/ask", offer=KEY, question=text).status_code == 303
    (job,) = asking.shop.http.get("/v1/jobs").json()
    assert (job["kind"], job["state"], job["collaboration"]) == ("insight", "proposed", "autumn")
    asked = read(asking.shop.services.jobs.description(job["job"]).question)
    assert isinstance(asked, Insight)
    assert [column.source for column in asked.query.schema.columns] == ["tier"]
    assert asking.shop.driver.woken > 0


def test_a_question_may_be_changed_by_hand(asking: Pair) -> None:
    text = question_in(post(asking, "/questions/write", **FORM).text)
    changed = json.loads(text) | {"where": {"eq": {"tier": "gold"}}}
    answer = post(asking, "/questions/look", offer=KEY, question=json.dumps(changed))
    assert answer.status_code == 200
    assert "only where" in answer.text
    assert 'action="/questions/ask"' in answer.text


@pytest.mark.parametrize(
    "change",
    [
        {"words": ""},
        {"by": "secret-column"},
        {"price": "cheap"},
        {"price_by": "rho", "price": "99"},
        {"kind": "sum"},
        {"kind": "drop table"},
        {"offer": "autumn audience-measurement paper others"},
    ],
)
def test_what_cannot_be_asked_is_explained_and_nothing_is_lost(
    asking: Pair, change: dict[str, str]
) -> None:
    answer = post(asking, "/questions/write", **(FORM | change))
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert 'action="/questions/ask"' not in answer.text
    assert f'value="{(FORM | change)["words"]}"' in answer.text
    assert asking.shop.http.get("/v1/jobs").json() == []


def test_nobody_asks_without_a_session_or_from_another_site(asking: Pair) -> None:
    text = question_in(post(asking, "/questions/write", **FORM).text)
    form = {"offer": KEY, "question": text}
    for path in ("/questions/ask", "/questions/look", "/questions/write"):
        evil = asking.shop.stranger.post(path, data=form, headers={"Origin": "http://evil.test"})
        assert evil.status_code == 403
    post(asking, "/sign-out")
    for path in ("/questions/ask", "/questions/look", "/questions/write"):
        answer = post(asking, path, **form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert asking.shop.stranger.get("/questions").status_code == 303
    assert asking.shop.http.get("/v1/jobs").json() == []


def test_what_was_typed_is_escaped_and_there_is_no_script(asking: Pair) -> None:
    evil = '"><script>alert(1)</script></textarea>'
    for answer in (
        post(asking, "/questions/write", **(FORM | {"words": evil, "of": evil})),
        post(asking, "/questions/look", offer=KEY, question=evil),
        asking.shop.stranger.get("/questions"),
    ):
        assert "<script" not in answer.text
        assert answer.headers["content-security-policy"] == CSP
        assert not re.search(r"style=|\son\w+=", answer.text)


def test_without_such_an_agreement_there_is_nothing_to_ask(pair: Pair) -> None:
    post(pair, "/sign-in", token=pair.shop.running.token)
    assert "No agreement in force" in pair.shop.stranger.get("/questions").text


OFFER = Offer("autumn", "audience-measurement", "paper", "readers", ("tier", "spend"), ("email",))


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (Written(), {"query": "count", "dataset": "readers", "price": {"within": 100}}),
        (
            Written("sum", "tier", "a,b ,", "spend", "0", "50", "rho", "0.01"),
            {
                "query": "sum", "dataset": "readers", "by": ["tier"], "of": "spend",
                "columns": {"tier": {"categories": ["a", "b"]}, "spend": {"bounds": [0, 50]}},
                "price": {"rho": "0.01"},
            },
        ),
    ],
)  # fmt: skip
def test_fields_become_a_question_as_people_write_it(form: Written, text: object) -> None:
    assert json.loads(text_of(OFFER, form)) == text
