"""/v1/reach/sketches: the gate, the charge, the sketch that is kept, and what is refused before."""

import base64

import numpy as np
import pytest
from sqlmodel import select
from structlog.testing import capture_logs

from consent.uses import UseOutcome, UseRecord
from party_node.reach import sketches
from party_node.tables import BudgetChargeRow
from protocols.dp.reach.merging import Merged
from protocols.dp.reach.sketch import read
from tests.support.node import write_csv
from tests.support.running_node import MEASUREMENT, running_pair

PEOPLE = 60


def ask(node, **changes):
    body = {
        "dataset": "reached",
        "purpose": MEASUREMENT,
        "campaign": "spring",
        "period": "2026-11",
        "epsilon_milli": 200,
        "exponent": 12,
    } | changes
    return node.http.post("/v1/reach/sketches", json=body)


def sketch(answer):
    assert answer.status_code == 201, answer.text
    return read(base64.b64decode(answer.json()["sketch"]))


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


def bare(node, name="reached", **changes):
    """Return how many bits are set without noise: as if nobody's bit ever turned over."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("protocols.dp.reach.flipping.flip", lambda bits, *_: bits)
        made = sketch(ask(node, dataset=name, **changes))
    return sum(byte.bit_count() for byte in made.bits)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Sixty people, of whom fifty have consented, for the node itself and for the paper; the first
    ten are in two rows."""
    folder = tmp_path_factory.mktemp("reach")
    with running_pair(folder, agreed=True) as pair:
        shop = pair.shop
        lines = [f"row-{n},person{n % PEOPLE}@example.com" for n in range(PEOPLE + 10)]
        path = write_csv(shop.folder / "reached.csv", "id,email", *lines)
        body = {"dataset": "reached", "path": str(path), "key_column": "id"}
        answer = shop.http.post("/v1/datasets", json=body | {"email_column": "email"})
        assert answer.status_code == 201, answer.text
        for n in range(50):
            for to in ("self", "paper"):
                event = {"email": f"person{n}@example.com", "purpose": MEASUREMENT, "recipient": to}
                assert shop.say(key=f"{to}-{n}", **event).status_code < 300
        yield pair


@pytest.fixture
def shop(world):
    return world.shop


def test_a_sketch_is_charged_recorded_and_given(shop):
    before = len(records(shop, UseRecord))
    answer = ask(shop)
    made, found = sketch(answer), answer.json()
    assert (made.party, made.topic.campaign, made.epsilon_milli) == ("shop", "spring", 200)
    assert found["recipient"] == "*"
    assert found["cost"] == {"rho": "0.019933599", "was": "0.019933599"}
    assert found["own"] == {"asked": PEOPLE, "permitted": 50}
    assert charges(shop)[-1] == ("", "public", 19_933_599)
    (record,) = records(shop, UseRecord)[before:]
    assert (record.operation, record.purpose, record.recipient) == ("dp.stat", MEASUREMENT, "self")
    assert (record.mechanism, record.rho_nano) == ("randomised-response", 19_933_599)
    assert records(shop, UseOutcome)[-1].outcome == "completed"
    estimate = Merged([made]).everybody()
    assert estimate.low <= 50 <= estimate.high


def test_the_same_again_is_the_sketch_of_then_and_free(shop):
    first = ask(shop, campaign="again")
    spent, uses = charges(shop), len(records(shop, UseRecord))
    second = ask(shop, campaign="again")
    cheaper = ask(shop, campaign="again", epsilon_milli=100)
    assert sketch(second) == sketch(cheaper) == sketch(first)
    assert (first.json()["again"], second.json()["again"]) == (False, True)
    assert second.json()["cost"]["rho"] == "0"
    assert (charges(shop), len(records(shop, UseRecord))) == (spent, uses)


@pytest.mark.parametrize(
    "changes",
    [{"period": "2026-12"}, {"exponent": 13}, {"at_least": 2}, {"epsilon_milli": 210}],
)
def test_another_sketch_of_the_same_people_is_paid_for(shop, changes):
    ask(shop, campaign="another")
    before = len(charges(shop))
    assert ask(shop, campaign="another", **changes).json()["again"] is False
    assert len(charges(shop)) == before + 1


def test_only_permitted_people_set_bits_and_each_of_them_one(shop):
    # Fifty people in 2^24 buckets: two in one of them once in fourteen thousand.
    assert bare(shop, campaign="bare", exponent=24, epsilon_milli=10) == 50


def test_a_level_counts_people_in_so_many_rows(shop):
    assert bare(shop, campaign="level", exponent=24, epsilon_milli=10, at_least=2) == 10
    assert bare(shop, campaign="level", exponent=24, epsilon_milli=10, at_least=3) == 0


def test_a_type_that_the_dataset_has_not_got_makes_a_sketch_of_nobody(shop):
    assert bare(shop, campaign="device", epsilon_milli=10, identifier="idfa") == 0


def evenly(bits, *_words):
    """Turn over two bits of five, whichever are set: noise without chance, for epsilon 0.405."""
    return bits ^ (np.arange(len(bits)) * 3 % 5 < 2)


@pytest.mark.parametrize(
    ("flip", "changes", "code"),
    [
        (evenly, {"campaign": "lots"}, ""),
        (evenly, {"campaign": "few", "at_least": 2}, "small-cohort"),
        (lambda bits, *_: bits | True, {"campaign": "full"}, ""),
    ],
)
def test_a_sketch_for_a_party_is_charged_under_the_agreement_and_keeps_its_minimum(
    shop, flip, changes, code
):
    keys = {"collaboration": "spring", "epsilon_milli": 405, "exponent": 10}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("protocols.dp.reach.flipping.flip", flip)
        answer = ask(shop, **keys | changes)
    if code:
        assert refused(answer) == code
    else:
        assert sketch(answer).party == "shop"
        assert answer.json()["recipient"] == "paper"
    assert charges(shop)[-1] == ("spring", "paper", 80_909_579)
    assert records(shop, UseRecord)[-1].recipient == "paper"
    assert records(shop, UseOutcome)[-1].outcome == ("aborted" if code else "completed")


def test_a_dry_run_says_what_it_would_cost_and_does_nothing(shop):
    spent, uses = charges(shop), len(records(shop, UseRecord))
    answer = ask(shop, campaign="dry", epsilon_milli=9000, dry_run=True)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["affordable"], found["buckets"]) == (False, 4096)
    assert found["questions_after"] == found["questions_left"] > 0, (
        "what does not fit costs nothing"
    )
    assert [row["people"] for row in found["alone"]] == [256, 1024, 4096]
    assert refused(ask(shop, dataset="nobody", dry_run=True)) == "unknown-dataset"
    assert (charges(shop), len(records(shop, UseRecord))) == (spent, uses)


def test_what_the_budget_does_not_cover_is_refused_before_anything_is_recorded(shop):
    spent, uses = charges(shop), len(records(shop, UseRecord))
    assert refused(ask(shop, campaign="dear", epsilon_milli=9000)) == "budget-exceeded"
    assert (charges(shop), len(records(shop, UseRecord))) == (spent, uses)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"dataset": "nobody"}, "unknown-dataset"),
        ({"purpose": "no-such-purpose"}, "unknown-purpose"),
        ({"identifier": "name"}, "invalid-parameter"),
        ({"collaboration": "autumn"}, "unknown-collaboration"),
        ({"to": "paper"}, "job-refused"),
    ],
)
def test_what_cannot_be_sketched_costs_nothing(shop, changes, code):
    spent, uses = charges(shop), len(records(shop, UseRecord))
    assert refused(ask(shop, **changes)) == code
    assert (charges(shop), len(records(shop, UseRecord))) == (spent, uses)


@pytest.mark.parametrize(
    "changes",
    [{"campaign": "Spring!"}, {"epsilon_milli": 0}, {"epsilon_milli": 1.5}, {"exponent": 40}],
)
def test_a_body_out_of_range_is_refused(shop, changes):
    assert ask(shop, **changes).status_code == 422


def test_after_a_withdrawal_it_is_a_new_sketch(shop):
    first = ask(shop, campaign="leaving", epsilon_milli=20)
    person = {"email": "person49@example.com", "purpose": MEASUREMENT, "recipient": "self"}
    assert shop.say("withdrawn", key="away", **person).status_code < 300
    second = ask(shop, campaign="leaving", epsilon_milli=20)
    assert second.json()["again"] is False
    assert second.json()["own"]["permitted"] == first.json()["own"]["permitted"] - 1
    assert shop.say("given", key="back", **person).status_code < 300


def test_who_withdraws_while_it_is_made_is_not_in_the_sketch(shop):
    person = {"email": "person48@example.com", "purpose": MEASUREMENT, "recipient": "self"}
    sizes, real = [], sketches.reached

    def slow(*words):
        if not sizes:
            assert shop.say("withdrawn", key="meanwhile", **person).status_code < 300
        found = real(*words)
        sizes.append(len(found))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sketches, "reached", slow)
        sketch(ask(shop, campaign="meanwhile", epsilon_milli=20))
    assert sizes == [sizes[0], sizes[0] - 1]
    assert shop.say("given", key="again", **person).status_code < 300


def test_nothing_is_read_before_the_charge_is_on_disk(shop):
    seen = []
    datasets = type(shop.services.datasets)
    real = datasets.over_index

    def watched(self, permission, columns, work):
        seen.append(permission.job in {c.job for c in shop.services.budgets.history()})
        return real(self, permission, columns, work)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "over_index", watched)
        sketch(ask(shop, campaign="watched", epsilon_milli=20))
    assert seen == [True]


def test_a_crash_after_the_charge_loses_the_sketch_and_not_the_charge(shop):
    before = len(charges(shop))

    def dies(*_words):
        raise RuntimeError("the process dies here")

    with capture_logs(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sketches, "reached", dies)
        assert refused(ask(shop, campaign="crash", epsilon_milli=20)) == "internal"
    assert len(charges(shop)) == before + 1
    assert records(shop, UseOutcome)[-1].outcome != "completed"
    assert ask(shop, campaign="crash", epsilon_milli=20).json()["again"] is False
    assert len(charges(shop)) == before + 2


def test_sketches_of_two_nodes_tell_the_reach_of_both(world):
    paper = world.paper
    lines = [f"row-{n},person{n}@example.com" for n in range(30, 70)]
    path = write_csv(paper.folder / "seen.csv", "id,email", *lines)
    body = {"dataset": "seen", "path": str(path), "key_column": "id", "email_column": "email"}
    assert paper.http.post("/v1/datasets", json=body).status_code == 201
    for n in range(30, 70):
        event = {"email": f"person{n}@example.com", "purpose": MEASUREMENT, "recipient": "self"}
        assert paper.say(key=f"seen-{n}", **event).status_code < 300
    keys = {"campaign": "both", "epsilon_milli": 900, "exponent": 10}
    ours, theirs = ask(world.shop, **keys), ask(paper, dataset="seen", **keys)
    found = Merged([sketch(ours), sketch(theirs)])
    # The shop may use fifty, the paper forty of whom the shop has twenty.
    true = {"any": 70, "both": 20, "paper": 20}
    seen = {
        "any": found.everybody(),
        "both": found.common(["shop", "paper"]),
        "paper": found.only("paper"),
    }
    for name, people in true.items():
        spread = (seen[name].high - seen[name].low) / 3.92
        assert 20 < spread < 150
        assert abs(seen[name].value - people) < 6 * spread  # missed once in 10^9


def test_a_stranger_gets_nothing(shop):
    assert shop.stranger.post("/v1/reach/sketches", json={}).status_code == 401
