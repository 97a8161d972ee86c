"""/v1/releases: the gate, the charge, the answer that is kept, and what is refused before."""

import json

import pytest
from sqlmodel import select
from structlog.testing import capture_logs

from consent.uses import UseOutcome, UseRecord
from party_node.statistics import releases
from party_node.statistics.tables import ReleaseRow
from party_node.tables import BudgetChargeRow
from tests.support.node import write_csv
from tests.support.running_node import MEASUREMENT, running_pair

PEOPLE = 60
COLUMNS = {
    "region": {"categories": ["north", "south"]},
    "spend": {"bounds": ["0", "100"], "decimals": "2"},
    "town": {"text": "true"},
}
NOISE = 4
"""At rho 2 noise of a count has scale 0.5: beyond this once in 10^15 draws."""


def text(kind="count", **keys):
    document = {"query": kind, "dataset": "customers", "columns": COLUMNS, "price": {"rho": "0.1"}}
    return json.dumps(document | keys)


def ask(node, query, **keys):
    return node.http.post("/v1/releases", json={"query": query, "purpose": MEASUREMENT} | keys)


def refused(answer):
    return answer.json()["type"].removeprefix("urn:accord:error:")


def charges(node):
    with node.services.db.reading() as session:
        return [
            (c.collaboration, c.to_party, c.rho_nano) for c in session.exec(select(BudgetChargeRow))
        ]


def records(node, kind):
    ledger = node.services.ledger
    size, _ = ledger.head()
    return [e.record for e in ledger.entries(0, size) if isinstance(e.record, kind)]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Sixty people, of whom fifty have consented, for the node itself and for the paper."""
    folder = tmp_path_factory.mktemp("releases")
    with running_pair(folder, agreed=True) as pair:
        shop = pair.shop
        lines = [
            f"row-{n},person{n}@example.com,{('north', 'south', 'west')[n % 3]},{n}.5,York"
            for n in range(PEOPLE)
        ]
        path = write_csv(shop.folder / "people.csv", "id,email,region,spend,town", *lines)
        body = {
            "dataset": "customers",
            "path": str(path),
            "key_column": "id",
            "email_column": "email",
        }
        assert shop.http.post("/v1/datasets", json=body).status_code == 201
        events = [
            {"email": f"person{n}@example.com", "state": "given", "purpose": MEASUREMENT,
             "recipient": to, "source_event_id": f"{to}-{n}"}
            for n in range(50) for to in ("self", "paper")
        ]  # fmt: skip
        for event in events:
            key = event.pop("source_event_id")
            assert shop.say(key=key, **event).status_code < 300
        yield pair


@pytest.fixture
def shop(world):
    return world.shop


def test_an_answer_has_value_interval_cost_and_proof(shop):
    before = len(records(shop, UseRecord))
    answer = ask(shop, text(price={"rho": "0.5"}, where={"is_null": "town"}))
    assert answer.status_code == 201, answer.text
    found = answer.json()
    (row,) = found["rows"]
    assert row["low"] <= row["value"] <= row["high"]
    assert row["value"] <= 12  # nobody is without a town; noise of scale 1
    assert found["cost"] == {
        "rho": "0.5",
        "epsilon_alone": pytest.approx(6.4, abs=0.5),
        "delta": "1e-9",
        "further_delta": None,
    }
    assert found["own"] == {"asked": PEOPLE, "permitted": 50, "withheld": {"no-evidence": 10}}
    (record,) = records(shop, UseRecord)[before:]
    assert (record.operation, record.purpose, record.recipient) == ("dp.stat", MEASUREMENT, "self")
    assert (record.mechanism, record.rho_nano) == ("discrete-gaussian", 500_000_000)
    ledger = found["provenance"]["ledger"]
    assert ledger["size"] > ledger["use_entry"]
    assert records(shop, UseOutcome)[-1].outcome == "completed"
    assert charges(shop)[-1] == ("", "public", 500_000_000)


def test_only_permitted_people_are_counted_and_every_declared_cell_is_answered(shop):
    found = ask(shop, text("histogram", by="region", price={"rho": "0.1"})).json()
    keys = [row["key"] for row in found["rows"]]
    assert keys == [["north"], ["south"], ["(other)"], ["(missing)"]]
    counted = sum(row["value"] for row in found["rows"])
    assert 50 - 40 < counted < 50 + 40
    assert found["keys"] == ["region"]


def test_the_same_question_again_is_answered_free_and_without_a_use(shop):
    first = ask(shop, text("mean", of="spend")).json()
    spent, uses = charges(shop), len(records(shop, UseRecord))
    again = ask(shop, text("mean", of="spend")).json()
    assert again["rows"] == first["rows"]
    assert again["cost"]["rho"] == "0"
    assert again["earlier"]["release"] == first["release"]
    assert (charges(shop), len(records(shop, UseRecord))) == (spent, uses)


def test_after_a_withdrawal_the_same_question_is_a_new_one(shop):
    asked = text("count", where={"eq": {"town": "York"}}, price={"rho": "0.01"})
    first = ask(shop, asked).json()
    person = {"email": "person49@example.com", "purpose": MEASUREMENT, "recipient": "self"}
    assert shop.say("withdrawn", key="away", **person).status_code < 300
    second = ask(shop, asked).json()
    assert second["earlier"] is None
    assert second["release"] != first["release"]
    assert second["own"]["permitted"] == first["own"]["permitted"] - 1
    assert shop.say("given", key="back", **person).status_code < 300


def test_a_release_for_a_party_is_charged_under_the_agreement_and_keeps_its_minimum(shop):
    found = ask(shop, text("histogram", by="region"), collaboration="spring").json()
    assert found["recipient"] == "paper"
    assert charges(shop)[-1] == ("spring", "paper", 100_000_000)
    assert {row["hidden"] for row in found["rows"]} == {"small-cohort"}  # of fifty
    assert found["hidden"] == [
        {"reason": "small-cohort", "cells": 4,
         "text": "4 hidden: fewer people than the minimum, counted with noise"}
    ]  # fmt: skip
    assert records(shop, UseRecord)[-1].recipient == "paper"


def test_what_the_budget_does_not_cover_is_refused_before_anything_is_recorded(shop):
    spent, uses = charges(shop), len(records(shop, UseRecord))
    answer = ask(shop, text(price={"rho": "9"}))
    assert refused(answer) == "budget-exceeded"
    assert (charges(shop), len(records(shop, UseRecord))) == (spent, uses)
    answer = ask(shop, text(price={"rho": "9"}), collaboration="spring")
    assert refused(answer) == "budget-exceeded"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("query: [", "invalid-query"),
        (text("median"), "invalid-query"),
        (text(dataset="nobody"), "unknown-dataset"),
        (text("histogram", by="x", columns={"x": {"categories": ["a"]}}), "missing-column"),
        (text("histogram", by="spend"), "invalid-query"),
        (text(price={"rho": "11"}), "invalid-query"),
        (text("count", price={"within": "1"}), "invalid-query"),
    ],
)
def test_what_cannot_be_asked_costs_nothing(shop, query, code):
    spent, uses = charges(shop), len(records(shop, UseRecord))
    answer = ask(shop, query)
    assert refused(answer) == code
    assert 400 <= answer.status_code < 500
    assert (charges(shop), len(records(shop, UseRecord))) == (spent, uses)


def test_a_purpose_that_nobody_knows_is_refused(shop):
    answer = ask(shop, text(), purpose="no-such-purpose")
    assert refused(answer) == "unknown-purpose"


def test_a_dry_run_says_what_it_would_cost_and_does_nothing(shop):
    spent, uses = charges(shop), len(records(shop, UseRecord))
    answer = ask(shop, text("count", price={"within": "21"}), dry_run=True)
    assert answer.status_code == 200
    assert answer.json()["cells"] == 1
    assert answer.json()["rho"].startswith("0.00")
    assert answer.json()["affordable"] is True
    assert answer.json()["half_width"] == 100
    assert 0 < answer.json()["questions_after"] < answer.json()["questions_left"]
    assert answer.json()["epsilon_alone"] > 0
    assert (charges(shop), len(records(shop, UseRecord))) == (spent, uses)


def test_a_party_is_told_only_under_an_agreement_with_it(shop):
    assert refused(ask(shop, text(), to="paper")) == "job-refused"
    assert refused(ask(shop, text(), collaboration="spring", to="stranger")) == "job-refused"
    assert refused(ask(shop, text(), collaboration="autumn")) == "unknown-collaboration"


def test_a_crash_after_the_charge_loses_the_answer_and_not_the_charge(shop):
    asked = text("count", where={"range": {"spend": {"from": "3"}}}, price={"rho": "0.01"})
    before = len(charges(shop))

    def dies(*_args):
        raise RuntimeError("the process dies here")

    with capture_logs(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(releases, "draw", dies)
        assert refused(ask(shop, asked)) == "internal"
    assert len(charges(shop)) == before + 1
    assert records(shop, UseOutcome)[-1].outcome != "completed"
    assert ask(shop, asked).json()["earlier"] is None
    assert len(charges(shop)) == before + 2


def test_no_row_is_read_before_the_charge_is_on_disk(shop):
    seen = []
    datasets = type(shop.services.datasets)
    read = datasets.over_rows

    def watched(self, permission, work):
        seen.append(permission.job in {c.job for c in shop.services.budgets.history()})
        return read(self, permission, work)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "over_rows", watched)
        ask(shop, text("distinct", by=["region"], price={"rho": "0.01"}))
    assert seen == [True]


def test_who_withdraws_while_it_is_computed_is_not_in_the_answer(shop):
    person = {"email": "person48@example.com", "purpose": MEASUREMENT, "recipient": "self"}
    cells, real = [], releases.aggregate

    def slow(plan, beside, secret):
        if not cells:
            assert shop.say("withdrawn", key="meanwhile", **person).status_code < 300
        found = real(plan, beside, secret)
        cells.append(int(found.cells["rows"][0]))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(releases, "aggregate", slow)
        found = ask(shop, text("count", price={"rho": "0.011"})).json()
    assert cells == [cells[0], cells[0] - 1]
    assert found["own"]["permitted"] == cells[1]
    assert shop.say("given", key="again", **person).status_code < 300


def test_a_release_is_shown_again_as_json_as_a_table_and_as_a_chart(shop):
    columns = COLUMNS | {"place": {"column": "town", "categories": ["York", "=1+1"]}}
    asked = text("crosstab", by=["region", "place"], columns=columns, price={"rho": "0.01"})
    made = ask(shop, asked).json()
    path = f"/v1/releases/{made['release']}"
    assert shop.http.get(path).json() == made
    assert made["release"] in {r["release"] for r in shop.http.get("/v1/releases").json()}
    table = shop.http.get(f"{path}/table")
    lines = table.text.splitlines()
    assert lines[0] == "region,place,value,low,high,people,hidden"
    assert len(lines) == 1 + len(made["rows"])
    assert "'=1+1" in lines[2]
    chart = shop.http.get(f"{path}/chart")
    assert chart.headers["content-type"] == "image/svg+xml"
    assert chart.text.startswith("<svg")
    assert "crosstab in customers" in chart.text
    assert "<script" not in chart.text


def test_a_release_that_is_none_is_not_found(shop):
    assert refused(shop.http.get(f"/v1/releases/{'0' * 32}")) == "unknown-release"


def test_a_changed_release_is_refused(shop):
    made = ask(
        shop, text("count", where={"not": {"is_null": "spend"}}, price={"rho": "0.01"})
    ).json()
    db = shop.services.db
    with db.reading() as session:
        row = session.get_one(ReleaseRow, made["release"])
        document = row.document
    with db.connection() as connection:
        connection.exec_driver_sql(
            "UPDATE releases SET document = ? WHERE release = ?",
            (document.replace('"rows"', '"rowz"'), made["release"]),
        )
    assert refused(shop.http.get(f"/v1/releases/{made['release']}")) == "row-changed"
    with db.connection() as connection:
        connection.exec_driver_sql("DELETE FROM releases WHERE release = ?", (made["release"],))


def test_a_stranger_gets_nothing(shop):
    assert shop.stranger.post("/v1/releases", json={}).status_code == 401
    assert shop.stranger.get("/v1/releases").status_code == 401


def test_a_lift_is_of_people_in_common_and_costs_nothing_here(shop):
    spent = charges(shop)
    keys = {"arm": "region", "baseline": "south", "converted": ["yes"]}
    for more in ({}, {"dry_run": True}):
        answer = ask(shop, text("lift", **keys), **more)
        assert refused(answer) == "invalid-query"
        assert "accord job insight" in answer.json()["detail"]
    assert charges(shop) == spent


def test_the_delta_of_open_words_is_booked_with_their_price(world):
    shop = world.shop
    asked = text("top_k", of="town", k="1", price={"rho": "0.05"}, delta="1e-13")
    before = {b["to"]: b["further_delta"] for b in shop.http.get("/v1/budget").json()["budgets"]}
    assert before.get("public", "0") == "0"
    answer = ask(shop, asked)
    assert answer.status_code == 201, answer.text
    assert answer.json()["cost"]["further_delta"] == "1e-13"
    found = shop.http.get("/v1/budget").json()
    assert found["charges"][-1]["what"] == "words-1e-13"
    after = {b["to"]: b["further_delta"] for b in found["budgets"]}
    assert after["public"] == "1e-13"
    assert ask(shop, asked).json()["earlier"], "asked again it is free"
    assert shop.http.get("/v1/budget").json()["charges"] == found["charges"]


def test_words_whose_delta_is_above_the_agreed_one_are_refused_before_anything(world):
    """For everybody it is 10^-9: after any other words there is no room for as much again."""
    shop = world.shop
    ask(shop, text("top_k", of="town", k="2", price={"rho": "0.01"}, delta="1e-15"))
    before, uses = charges(shop), len(records(shop, UseRecord))
    answer = ask(shop, text("top_k", of="town", k="3", price={"rho": "0.01"}, delta="1e-9"))
    assert refused(answer) == "delta-exceeded", "what was charged before is in the way"
    assert "a smaller delta" in answer.json()["hint"]
    assert charges(shop) == before
    assert len(records(shop, UseRecord)) == uses
