"""Jobs of the kind `lookalike` between two nodes: seeds become a model, a curve, an audience."""

import hashlib
from collections.abc import Iterator

import pytest
from sqlalchemy import delete

from party_node import endings, job_words
from party_node.approvals import Rule
from party_node.cli.job import _show
from party_node.errors import IllegalState, JobRefused, MissingColumn, NotFound
from party_node.job_tables import PreflightRow
from party_node.job_views import job_view
from party_node.scoring import again, cards, kept, standing
from party_node.tables import DecisionRow, UsePermissionRow
from protocols.dp.queries.scalars import InvalidQuery
from protocols.lookalike.kept import read_model
from protocols.lookalike.seeds import TooFewSeeds
from protocols.sums import made_columns
from tests.support.lookalike_nodes import (
    PEOPLE,
    PURPOSE,
    QUESTION,
    SEEDS,
    SILENT,
    STRANGERS,
    lookalike_nodes,
    the_model,
    trained_nodes,
    wanted,
)
from tests.support.two_nodes import (
    BRAND,
    COLLABORATION,
    PARTIES,
    PUBLISHER,
    RHO_NANO,
    TwoNodes,
    key,
)


@pytest.fixture
def world() -> Iterator[TwoNodes]:
    with lookalike_nodes() as found:
        yield found


@pytest.fixture
def trained() -> Iterator[TwoNodes]:
    """A world in which one job has completed, over the oblivious sum."""
    with trained_nodes() as found:
        yield found


def run(world: TwoNodes, question: str = QUESTION, **more: object) -> str:
    return world.complete("lookalike", question=question, **{"route": "cot"} | more)


def failed(world: TwoNodes, question: str, who: str = BRAND) -> str:
    """Return the cause with which a job ends that one side cannot run."""
    job = world.nodes[who].ask("lookalike", question=question)
    world.settle(job)
    state, cause = world.job(job)
    assert state == "failed"
    return cause


def test_an_audience_of_people_like_the_seeds(trained: TwoNodes) -> None:
    job = the_model(trained)
    members = trained.publisher.activate(job)
    assert len(members) == 60
    assert len([n for n in members if wanted(n)]) >= 50, "noise is small at this price"
    assert not members & SILENT
    assert not trained.brand.has_audience(job)
    told = {party: trained.nodes[party].result(job) for party in PARTIES}
    assert told[BRAND] is not None
    assert told[PUBLISHER] is not None
    assert told[BRAND]["model"] == told[PUBLISHER]["model"]
    assert (told[BRAND]["audience"], told[PUBLISHER]["audience"]) == (None, {"people": 60})
    assert told[BRAND]["own"]["columns"] is None
    theirs = [one["column"] for one in told[PUBLISHER]["own"]["columns"]]
    assert theirs == ["age", "tier", "visits"]
    model = told[BRAND]["model"]
    assert [w["column"] for w in model["weights"]][:2] != ["visits"]
    assert {w["column"] for w in model["weights"]} == {"age", "tier", "visits"}
    assert [at["reach"] for at in model["curve"]] == [
        0.01,
        0.02,
        0.05,
        0.1,
        0.2,
        0.5,
        1.0,
    ]
    assert model["curve"][-2]["recall"] > 0.9
    assert [c["code"] for c in model["cautions"]] == ["few-seeds"]


def test_both_pay_and_both_sign_what_the_model_is(trained: TwoNodes) -> None:
    job = the_model(trained)
    receipts = [trained.nodes[party].receipt(job) for party in PARTIES]
    assert receipts[0] == receipts[1]
    assert receipts[0] is not None
    whole, signatures = receipts[0]
    assert set(signatures) == set(PARTIES)
    brand, publisher = whole.part_of(BRAND), whole.part_of(PUBLISHER)
    assert brand is not None
    assert publisher is not None
    (sums,), (metrics,) = brand.released, publisher.released
    assert (sums.to, sums.what, metrics.to, metrics.what) == (
        PUBLISHER, "statistics", BRAND, "model-metrics",
    )  # fmt: skip
    made = trained.publisher.services.models.load(job)
    assert sums.commitment == hashlib.sha256(made.salt + made.model).digest()
    assert len(read_model(made.model).bins) == 3
    with pytest.raises(NotFound):
        trained.brand.services.models.load(job)
    charged = {p: [(c.to_party, c.what) for c in trained.nodes[p].charges(job)] for p in PARTIES}
    assert charged == {BRAND: [(PUBLISHER, "statistics")], PUBLISHER: [(BRAND, "model-metrics")]}


def test_who_withdraws_is_in_no_later_model_and_no_audience(world: TwoNodes) -> None:
    leaving = [n for n in SEEDS if n % 4 == 0]
    for person in leaving:
        world.publisher.say("withdrawn", person, PURPOSE)
    job = run(world, QUESTION.replace("expected: 50", "expected: 40"))
    assert not world.publisher.activate(job) & set(leaving)


def test_who_withdraws_after_training_is_left_out_of_the_audience(world: TwoNodes) -> None:
    job = world.brand.ask("lookalike", question=QUESTION, route="cot")
    world.publisher.driver.read_board()
    world.settle(job, until=lambda: world.publisher.phase(job) == "release")
    leaving = [n for n in SEEDS if n % 4 == 0]
    for person in leaving:
        world.publisher.say("withdrawn", person, PURPOSE)
    world.settle(job)
    assert world.job(job) == ("completed", "")
    assert not world.publisher.activate(job) & set(leaving)


def test_where_fewer_than_the_minimum_are_left_there_is_no_audience(world: TwoNodes) -> None:
    """The model and its curve stay: they were paid for, and say nothing of who withdrew."""
    question = QUESTION.replace("audience: 60", "audience: 40")
    job = world.brand.ask("lookalike", question=question, route="cot", minimum_size=40)
    world.publisher.driver.read_board()
    world.settle(job, until=lambda: world.publisher.phase(job) == "release")
    seen = sorted(PEOPLE)
    for person in seen[39:]:
        world.publisher.say("withdrawn", person, PURPOSE)
    world.settle(job)
    assert world.job(job) == ("completed", "")
    assert not world.publisher.has_audience(job)
    result = world.publisher.result(job)
    assert result is not None
    assert result["audience"] == {"people": 0}
    assert "audience: none: fewer people" in "\n".join(job_words.result(result))
    assert result["model"]["curve"]


def test_seeds_may_be_some_of_the_brands_people(world: TwoNodes) -> None:
    where = """
seeds:
  dataset: customers
  expected: 25
  columns: {segment: {categories: [new, loyal]}}
  where: {eq: {segment: loyal}}"""
    question = QUESTION.replace("\nseeds: {dataset: customers, expected: 50}", where)
    job = run(world, question)
    result = world.brand.result(job)
    assert result is not None
    assert result["model"]["seeds_step"] == 25


def test_the_partner_may_ask_but_not_by_the_brands_columns(world: TwoNodes) -> None:
    world.brand.services.rules.put(
        Rule("all-lookalike", COLLABORATION, "lookalike", PURPOSE, RHO_NANO, allow_reveal=False)
    )
    job = world.publisher.ask("lookalike", question=QUESTION, route="cot")
    world.settle(job)
    assert world.job(job) == ("completed", "")
    filtered = QUESTION.replace(
        "expected: 50}",
        "expected: 25, columns: {segment: {categories: [new]}}, where: {eq: {segment: new}}}",
    )
    with pytest.raises(JobRefused, match="segment"):
        world.publisher.ask("lookalike", question=filtered)


@pytest.mark.slow  # beside that of a joint score
def test_a_route_may_be_forced(world: TwoNodes) -> None:
    """The other one: each test else forces `cot`."""
    job = run(world, route="bfv")
    result = world.publisher.result(job)
    assert result is not None
    assert result["provenance"]["protocol"] == "lookalike-bfv/2"


def test_a_job_that_is_called_off_keeps_no_part_of_a_matrix(world: TwoNodes) -> None:
    def in_hand() -> int:
        return made_columns._made.cache_info().currsize

    job = world.brand.ask("lookalike", question=QUESTION, route="cot")
    world.settle(job, until=lambda: in_hand() > 0)
    world.brand.services.jobs.cancel(job)
    world.settle(job)
    assert world.publisher.state(job)[0] == "failed"
    assert in_hand() == 0


def test_an_identifier_is_no_feature(world: TwoNodes) -> None:
    leaky = QUESTION.replace("column: visits, kind: numeric", "column: mail, kind: categorical")
    assert failed(world, leaky) == "leaky-column"
    job = world.brand.services.jobs.all()[0].job
    ours, theirs = (job_view(node.services, job)["why"] for node in (world.brand, world.publisher))
    assert ours["text"] == "A column names people, or is free text: it must not be a feature"
    assert (ours["elsewhere"], ours["found"]) == (True, ""), "it hears the code alone"
    assert any("another party" in line for line in endings.lines(ours))
    assert not theirs["elsewhere"]
    assert theirs["found"].startswith("column mail ")
    said = list(endings.lines(theirs))
    assert f"  this side found: {theirs['found']}" in said
    assert any("leave the column out" in line for line in said)
    assert theirs["paid"] == "8"


def test_words_are_no_numbers(world: TwoNodes) -> None:
    misfit = QUESTION.replace("kind: ordinal, categories: [basic, silver, gold]", "kind: numeric")
    assert failed(world, misfit) == "misfit-column"


def test_more_seeds_than_there_are_cannot_be_stated(world: TwoNodes) -> None:
    asked = QUESTION.replace("expected: 50", "expected: 500")
    with pytest.raises(TooFewSeeds, match="state fewer"):
        world.brand.ask("lookalike", question=asked)
    assert world.brand.services.jobs.all() == []
    # The partner cannot know: where it asks, the brand's node ends the job before it sends a row.
    job = world.publisher.ask("lookalike", question=asked)
    world.settle(job, until=lambda: len(world.brand.rows(PreflightRow, job=job)) == 2)
    world.brand.services.jobs.approve(job, "person:ann")
    world.settle(job)
    assert world.job(job) == ("failed", "too-few-seeds")


def test_a_column_that_ones_own_file_has_not_is_named(world: TwoNodes) -> None:
    question = QUESTION.replace(
        "expected: 50",
        "expected: 50, columns: {s: {column: Segmnt, categories: [a]}}, where: {eq: {s: a}}",
    )
    with pytest.raises(MissingColumn, match="customers has no column Segmnt"):
        world.brand.ask("lookalike", question=question)


def test_a_column_that_is_not_offered_is_refused_before_anything_runs(world: TwoNodes) -> None:
    with pytest.raises(JobRefused, match="income"):
        world.brand.ask("lookalike", question=QUESTION.replace("visits", "income"))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (QUESTION.replace("kind: ordinal", "kind: odd"), "features.2..kind"),
        (QUESTION.replace("expected: 50", "expected: 3"), "25 people"),
        (QUESTION.replace("population: audience\n", ""), "population: is missing"),
        (QUESTION.replace("audience: 60", "audiance: 60"), "audiance is not a key"),
        (QUESTION.replace("low: 18", "low: 95"), r"features\[1\]: .* below the upper"),
        (QUESTION.replace("expected: 50", "expected: 0"), "25 to 500,000 people"),
        (
            QUESTION.replace(
                "expected: 50",
                "expected: 50, columns: {s: {categories: [a, b]}}, where: {eq: {s: x}}",
            ),
            "seeds.where.eq.s: is one of the column's categories: a, b",
        ),
    ],
)
def test_a_question_that_cannot_be_read_says_where(world: TwoNodes, wrong: str, says: str) -> None:
    with pytest.raises(InvalidQuery, match=says):
        world.brand.ask("lookalike", question=wrong)


def test_a_question_of_another_kind_is_refused(world: TwoNodes) -> None:
    with pytest.raises(InvalidQuery):
        world.brand.ask("lookalike", question="query: count\ndataset: audience\n")


def test_before_it_is_asked_it_says_how_good_it_can_get(world: TwoNodes) -> None:
    ahead = world.brand.look_ahead("lookalike", question=QUESTION)
    assert ahead["forecast"]["seeds_step"] == 50
    assert [c["code"] for c in ahead["forecast"]["cautions"]] == ["few-seeds"]
    said = {one["who"]: one["what"] for one in ahead["who_learns"]}
    assert "never who is a seed" in said[PUBLISHER]
    assert "age, tier, visits" in said[PUBLISHER]


def test_whoever_must_approve_reads_what_was_looked_ahead_at_before_and_after(
    world: TwoNodes, capsys: pytest.CaptureFixture[str]
) -> None:
    columns, where = "{segment: {categories: [loyal, new]}}", "{eq: {segment: loyal}}"
    chosen = f"expected: 50, columns: {columns}, where: {where}"
    question = QUESTION.replace("expected: 50", chosen)
    ahead = world.brand.look_ahead("lookalike", question=question, route="cot")
    world.publisher.services.rules.remove("all-lookalike")
    job = world.brand.ask("lookalike", question=question, route="cot")
    world.publisher.turn()
    for waits in (True, False):
        for node in world.nodes.values():
            seen = job_view(node.services, job)
            same = ("question", "forecast", "who_learns", "protocol", "datasets", "identifiers")
            assert {key: seen[key] for key in same} == {key: ahead[key] for key in same}
        assert job_view(world.publisher.services, job)["waits_for_us"] == waits
        _show(job_view(world.publisher.services, job))
        told = capsys.readouterr().out
        assert "age: numbers from 18 up to 90" in told
        assert "those of customers where segment is loyal" in told
        assert "the 60 best" in told
        assert "publisher: that there are 50 seeds or more" in told
        assert "with 50 seeds (" in told
        assert "protocol: lookalike-cot/2" in told
        if waits:
            world.publisher.services.jobs.approve(job, "person:ann")
            world.settle(job)


def test_a_model_scores_again_whom_consent_covers_now(trained: TwoNodes) -> None:
    job = the_model(trained)
    leaving = [n for n in SEEDS if n % 4 == 0]
    for person in leaving:
        trained.publisher.say("withdrawn", person, PURPOSE)
    found = again.make_audience(trained.publisher.services, job, 40, PUBLISHER)
    assert found.scored.withheld == len(SILENT) + len(leaving)
    members = trained.publisher.activate(job)
    assert len(members) == 40
    assert not members & {*SILENT, *leaving}
    keys = [row for row, _ in found.scored.rows()]
    assert {key(PUBLISHER, n) for n in members} == set(keys[:40])
    scores = [score for _, score in found.scored.rows()]
    assert scores == sorted(scores, reverse=True)
    uses_of = trained.publisher.rows(UsePermissionRow)
    assert sum(row.job.startswith(f"{job}-score-") for row in uses_of) == 1


def test_an_audience_may_be_without_rows_that_the_partner_knows(trained: TwoNodes) -> None:
    job = the_model(trained)
    before = trained.publisher.activate(job)
    listed = {*sorted(before)[:5], *SILENT}
    keys = [key(PUBLISHER, n) for n in listed]
    made = again.make_audience(trained.publisher.services, job, 40, PUBLISHER, [*keys, "stranger"])
    assert (made.left_out, made.unknown_keys) == (len(listed), 1)
    members = trained.publisher.activate(job)
    assert len(members) == 40
    assert not members & listed
    (one,) = kept.listed(trained.publisher.services)
    assert (one.job, one.kind) == (job, "lookalike")
    assert cards.in_short(one.kind, one.card)[0] == "like 50 seeds or more of brand"


def test_how_a_model_stands_says_who_withdrew_and_what_of_the_audience_is_left(
    trained: TwoNodes,
) -> None:
    job = the_model(trained)
    parts = trained.publisher.services
    before = standing.of(parts, job)
    assert before["scoring"] == {
        "asked": 400, "permitted": 398, "withheld": {"no-evidence": len(SILENT)},
        "refused": "", "why": "", "hint": "",
    }  # fmt: skip
    assert before["used"] == {"people": 398, "no_longer": 0}
    assert (before["audience"]["people"], before["audience"]["usable"]) == (60, 60)
    members = sorted(trained.publisher.activate(job))
    for person in members[:3]:
        trained.publisher.say("withdrawn", person, PURPOSE)
    uses = len(trained.publisher.rows(UsePermissionRow))
    after = standing.of(parts, job)
    assert after["scoring"]["withheld"] == {"no-evidence": len(SILENT), "withdrawn": 3}
    assert after["used"] == {"people": 398, "no_longer": 3}
    assert (after["audience"]["people"], after["audience"]["usable"]) == (60, 57)
    assert len(trained.publisher.rows(UsePermissionRow)) == uses, "nothing is recorded"
    told = standing.of(trained.brand.services, job)
    assert (told["kept_here"], told["scoring"], told["audience"]) == (False, None, None)
    assert told["card"] == after["card"]
    assert told["used"]["people"] == len(SEEDS) + len(STRANGERS) - len(SILENT & set(SEEDS))
    assert [one["job"] for one in standing.listed(trained.brand.services)] == [job]
    with parts.db.writing() as session:
        session.execute(delete(DecisionRow))
    assert standing.of(parts, job)["used"] is None, "what is not known is not said"


def test_a_dataset_without_the_columns_lets_nobody_be_scored(trained: TwoNodes) -> None:
    job = the_model(trained)
    file = trained.folder / "narrow.csv"
    file.write_text(f"id,email,age\n{key(PUBLISHER, 1)},person.1@example.com,30\n")
    trained.publisher.services.datasets.register("audience", file, "id", "email", None, None)
    found = standing.of(trained.publisher.services, job)
    assert (found["scoring"]["permitted"], found["scoring"]["refused"]) == (0, "missing-column")
    assert "tier" in found["scoring"]["why"]
    assert found["used"]["no_longer"] == 0, "who is not in the file has not withdrawn"


def test_a_larger_audience_than_there_are_people_is_refused(world: TwoNodes) -> None:
    job = run(world, QUESTION.replace("audience: 60\n", ""))
    assert not world.publisher.has_audience(job)
    for size in (1, 10_000):
        with pytest.raises(IllegalState, match="2 to 398"):
            again.make_audience(world.publisher.services, job, size, PUBLISHER)
    with pytest.raises(NotFound):
        again.score(world.brand.services, job, BRAND)
