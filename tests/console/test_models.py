"""The console's pages of models: what they say, to whom, and that nobody can be found in them."""

import re

import pytest

from party_node import results
from party_node.console.answering import CSP
from party_node.scoring import standing
from tests.support import lookalike_nodes, tracking_nodes, two_nodes
from tests.support.consoles import plain, recorded, signed_in
from tests.support.coordinator import TestClient
from tests.support.running_node import Pair
from tests.support.tracking_nodes import PURPOSE, SMALL, model_of, of_brand
from tests.support.two_nodes import PARTIES, TwoNodes, email, key

EVIL = '"><script>alert(1)</script>'
JOB = "0" * 32
PATHS = ("audience/look", "audience", "outcomes/look", "outcomes")


# -- who may look --------------------------------------------------------------------------------


def test_without_a_session_nothing_is_shown_and_nothing_done(pair: Pair) -> None:
    form = {"size": "5", "outcomes": "x"}
    http, here = pair.shop.stranger, {"Origin": "http://shop.test"}
    for path in ("/models", f"/models/{JOB}"):
        answer = http.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
    for path in PATHS:
        answer = http.post(f"/models/{JOB}/{path}", data=form, headers=here)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_forms_of_other_sites_are_refused(world: TwoNodes, partner: TestClient) -> None:
    job, before = model_of(world), recorded(world.publisher.services)
    form = {"size": "50", "outcomes": tracking_nodes.OUTCOMES}
    for path in PATHS:
        for evil in ("http://evil.test", "null"):
            answer = partner.post(f"/models/{job}/{path}", data=form, headers={"Origin": evil})
            assert answer.status_code == 403, path
    assert recorded(world.publisher.services) == before
    assert not world.publisher.has_audience(job)


def test_the_session_opens_pages_and_not_the_interface(
    world: TwoNodes, partner: TestClient
) -> None:
    assert partner.get("/v1/models").status_code == 401
    assert partner.get(f"/v1/models/{model_of(world)}").status_code == 401


def test_a_job_without_a_model_is_said_to_have_none(partner: TestClient) -> None:
    text = plain(partner.get(f"/models/{JOB}"), 404)
    assert "People like brand’s customers" in text, "it is the page of all models"
    assert partner.get("/models/nonsense").status_code == 422


# -- the list ------------------------------------------------------------------------------------


def test_a_partner_reads_what_a_model_is_good_for(world: TwoNodes, partner: TestClient) -> None:
    for person in (10, 11, 12):
        world.publisher.say("withdrawn", person, PURPOSE)
    job, before = model_of(world), recorded(world.publisher.services)
    text = plain(partner.get("/models"))
    assert "People like brand’s customers where segment is loyal" in text
    assert "Lookalike with brand" in text
    assert job[:12] in text
    assert f"395 of {SMALL} people withheld: 3 withdrawn, 2 no-evidence" in text
    assert "withdrawn since, or consent has ended: 3 of 398 people" in text
    assert "Not asked yet" in text
    assert recorded(world.publisher.services) == before, "to look is no use of anybody"
    assert 'href="/models"' in partner.get("/").text


def test_who_brought_the_seeds_reads_of_the_model_too(world: TwoNodes) -> None:
    with signed_in(world.brand) as brand:
        text = plain(brand.get("/models"))
        assert "None here publisher keeps the model" in text
        assert "Not compared yet" in text
        page = brand.get(f"/models/{model_of(world)}")
        assert "audience/look" not in page.text
        assert "publisher keeps the model, scores its own people, and has the audience." in plain(
            page
        )


def test_what_wants_a_look_stands_first(
    world: TwoNodes, partner: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = standing.listed(world.publisher.services)
    worse = {"verdict": "worse", "created_ms": 0, "earlier": None, "job": JOB, "people": 1}
    older = one | {"made_ms": 0, "tracked": [worse | {"curve": []}]}
    curve = one["card"] | {"reliable": True}
    monkeypatch.setattr(
        standing, "listed", lambda _parts: [one | {"card": curve}, older | {"card": curve}]
    )
    text = plain(partner.get("/models"))
    assert text.index("Worse than at training") < text.index("Not asked yet")


def test_without_a_model_it_says_how_to_get_one() -> None:
    with lookalike_nodes.lookalike_nodes() as world, signed_in(world.brand) as client:
        text = plain(client.get("/models"))
        assert "No model yet" in text
        ask = "accord job lookalike spring --purpose lookalike-audience --query QUESTION.yaml"
        assert f"{ask} --dry-run" in text
        mail = "column: mail, kind: categorical"
        question = lookalike_nodes.QUESTION.replace("column: visits, kind: numeric", mail)
        job = world.brand.ask("lookalike", question=question)
        assert "Being made lookalike for lookalike-audience with publisher" in plain(
            client.get("/models")
        )
        world.settle(job)
        assert "Ended without a model" in plain(client.get("/models"))
        assert "failed (leaky-column)" in plain(client.get("/models"))
        with signed_in(world.publisher) as other:
            assert "failed (leaky-column): column mail has" in plain(other.get("/models"))
    with two_nodes.two_nodes() as other, signed_in(other.brand) as client:
        assert "{kind: lookalike, purpose: lookalike-audience" in plain(client.get("/models"))


# -- one model -----------------------------------------------------------------------------------


def test_the_page_of_a_model_has_curve_card_and_receipt(
    world: TwoNodes, partner: TestClient
) -> None:
    job = model_of(world)
    page = partner.get(f"/models/{job}")
    text = plain(page)
    (one,) = standing.listed(world.publisher.services)
    card = one["card"]
    assert 'role="img" aria-labelledby="chart-title"' in page.text
    for at in card["curve"][:-1]:
        assert f'<th scope="row">{100 * at["reach"]:.0f}\u00a0%</th>' in page.text
        assert f"{at['lift']:.1f} ×" in text
    for feature in card["weights"]:
        assert f'<th scope="row">{feature["column"]}</th>' in page.text
    for said in (
        f"Seeds {card['seeds_step']} or more: a step, not the number",
        f"Epsilon of a seed {card['epsilon']} at delta 1e-8",
        f"Ledger checkpoint {card['checkpoints'][0]}",
        "brand learns how good the model is",
        *card["limits"],
        "Signed by all: brand, publisher.",
        f"accord ledger export evidence.zip --job {job}",
        "accord-verify evidence.zip",
        f"accord model scores {job[:12]} --out scores.csv",
    ):
        assert said in text, said


@pytest.mark.parametrize("reliable", [True, False])
def test_a_curve_that_noise_hides_is_not_drawn_as_a_line(
    world: TwoNodes, partner: TestClient, reliable: bool
) -> None:
    job, parts = model_of(world), world.publisher.services
    found = results.load(parts.db, job)
    found["model"]["reliable"] = reliable
    with parts.db.writing() as session:
        results.keep(session, job, found, 0)
    page = partner.get(f"/models/{job}").text
    assert 'class="band"' in page
    assert page.count('class="mark"') == (6 + 1 if reliable else 0), "and one in the legend"
    assert ("noise hides the rest" in page) == (not reliable)


def test_pages_have_no_script_no_inline_style_and_nobody_in_them(world: TwoNodes) -> None:
    job = model_of(world)
    people = {"brand": of_brand(SMALL), "publisher": range(SMALL)}
    for party in PARTIES:
        node = world.nodes[party]
        with signed_in(node) as client:
            for path in ("/models", f"/models/{job}"):
                answer = client.get(path)
                assert answer.headers["content-security-policy"] == CSP
                assert answer.headers["cache-control"] == "no-store"
                assert not re.search(r"<script|style=|\son\w+=|https?://|@import", answer.text)
                for person in people[party]:
                    assert email(person) not in answer.text
                    assert key(party, person) not in answer.text


def test_everything_is_escaped(world: TwoNodes, partner: TestClient) -> None:
    job, parts = model_of(world), world.publisher.services
    found = results.load(parts.db, job)
    card = found["model"]
    card["brand"] = EVIL
    card["limits"] = [EVIL]
    card["cautions"] = [{"code": EVIL, "text": EVIL}]
    card["checkpoints"] = [EVIL]
    for weight in card["weights"]:
        weight |= {"column": EVIL, "highest": [EVIL], "lowest": [EVIL]}
    with parts.db.writing() as session:
        results.keep(session, job, found, 0)
    settings = parts.home.settings
    parts.home.settings = settings.model_copy(update={"name": EVIL})
    for path in ("/models", f"/models/{job}"):
        text = partner.get(path).text
        assert "<script" not in text
        assert "&lt;script&gt;" in text
    sent = partner.post(f"/models/{job}/outcomes/look", data={"outcomes": EVIL})
    assert "<script" not in sent.text
    with signed_in(world.brand) as brand:
        sent = brand.post(f"/models/{job}/outcomes/look", data={"outcomes": f"</textarea>{EVIL}"})
        assert sent.status_code == 422
        assert "<script" not in sent.text
        assert "&lt;/textarea&gt;" in sent.text


def test_an_agreement_that_is_over_lets_nobody_be_scored(
    world: TwoNodes, partner: TestClient
) -> None:
    job = model_of(world)
    world.clock.now_ms += 400 * 24 * 3600 * 1000
    partner.post("/sign-in", data={"token": "t" * 43})
    text = plain(partner.get("/models"))
    assert "Nobody" in text
    assert "spring version 1 has expired (expired-collaboration)" in text
    page = plain(partner.get(f"/models/{job}"))
    assert "Look ahead at the audience" not in page
    refused = partner.post(f"/models/{job}/audience", data={"size": "5"})
    assert "has expired" in plain(refused, 409)
