"""`accord model track` typed at a node, for all kinds of models."""

import io
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from party_node.app import create_app
from party_node.local_client import LocalClient
from party_node.readiness import Readiness
from party_node.running import RunningNode
from tests.support import common_models, joint_nodes, tracking_nodes
from tests.support.coordinator import TestClient
from tests.support.tracking_nodes import LARGE, OUTCOMES, by_chance, fill, model_of
from tests.support.trained_nodes import the_job
from tests.support.two_nodes import Node

with warnings.catch_warnings():
    # typer 0.20 uses names that click 8.5 has moved
    warnings.simplefilter("ignore", DeprecationWarning)
    from party_node.cli import main as cli

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
Accord = Callable[..., str]
Typing = Callable[[Node], AbstractContextManager[Accord]]
"""Types `accord …` at a node."""
TOKEN = "t" * 43


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typing:
    @contextmanager
    def at(node: Node) -> Iterator[Accord]:
        running = RunningNode(node.services, node.driver, Readiness(node.services), TOKEN)
        with capture_logs(), TestClient(create_app(running), "http://localhost") as client:
            transport = client._transport

            def found(_home: Path) -> LocalClient:
                return LocalClient("http://localhost", TOKEN, transport)

            def accord(*words: object, code: int = 0) -> str:
                capsys.readouterr()
                monkeypatch.setattr(sys, "stdin", io.StringIO())
                ended = cli.run([*map(str, words), "--home", str(node.services.home.path)])
                told = capsys.readouterr()
                assert ended == code, told
                return told.out if code == 0 else told.err

            monkeypatch.setattr(LocalClient, "of", found)
            yield accord

    return at


@pytest.mark.slow
def test_a_lookalike_is_tracked_by_a_job_and_shown_beside_its_card(
    tmp_path: Path, typing: Typing, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = tmp_path / "bought.yaml"
    outcomes.write_text(OUTCOMES.replace('price: {rho: "8"}\n', ""))
    with tracking_nodes.tracking_nodes() as world, typing(world.brand) as accord:
        model = model_of(world)
        assert "no outcome has been asked about yet" in accord("model", "show", model[:12])
        usage = accord("model", "track", model[:12], code=2)
        assert "name a file with --outcomes, or look with --show" in usage
        early = accord("model", "track", model, "--outcomes", outcomes, "--retrain", code=2)
        assert "say --wait too" in early
        unpriced = accord("model", "track", model[:12], "--outcomes", outcomes, code=2)
        assert "price is missing" in unpriced
        ask = ("model", "track", model[:12], "--outcomes", outcomes, "--rho", "8")
        ahead = accord(*ask, "--dry-run")
        assert "rho 10" in ahead, "a quarter more for how many match"
        jobs = len(world.brand.services.jobs.all())
        world.clock.advance(seconds=5)
        asked = accord(*ask)
        assert f"when it has ended: accord model track {model[:12]} --show" in asked
        job, *_ = world.brand.services.jobs.all()
        assert len(world.brand.services.jobs.all()) == jobs + 1
        assert world.brand.services.jobs.description(job.job).receiver_dataset == "customers"
        world.settle(job.job)
        found = json.loads(accord("model", "track", model, "--show", "--json"))
        assert found["tracked"][0]["verdict"] == "cannot-be-told"
        shown = accord("model", "show", model[:12])
        assert "of whom it has found" in shown
        assert json.loads(accord("model", "show", model, "--json")) == found
        assert "cannot be told: too few outcomes for this noise" in shown
        assert "--retrain" not in shown

        def settled(client: LocalClient, asked: str, _seconds: int) -> dict[str, Any]:
            world.settle(asked)
            return client.get(f"/v1/jobs/{asked}")

        monkeypatch.setattr("party_node.cli.tracking.follow", settled)
        world.clock.advance(seconds=5)
        waited = accord(*ask, "--wait")
        assert "in the best 10%" in waited
        assert "before that: 2027-01-15 cannot-be-told" in waited


@pytest.mark.slow
def test_a_joint_score_is_compared_at_once(tmp_path: Path, typing: Typing) -> None:
    outcomes = tmp_path / "churned.yaml"
    outcomes.write_text(
        'columns: {churned: {categories: ["yes", "no"]}}\nwhere: {eq: {churned: "yes"}}\n'
    )
    with joint_nodes.joint_nodes() as world, typing(world.brand) as accord:
        job = world.brand.ask("joint", question=joint_nodes.QUESTION, route="cot")
        world.settle(job)
        made = world.brand.services.jobs.description(job)
        told = accord("model", "track", job[:12], "--outcomes", outcomes)
        assert "as good as at training" in told
        assert "fifth 5, lowest scores first" in told
        assert "nothing has left this party, and nothing is charged" in told
        for more in (("--dry-run",), ("--rho", "1")):
            ask = ("model", "track", job, "--outcomes", outcomes, *more)
            assert "nothing is charged" in accord(*ask, code=2)
        assert "nothing of that is kept" in accord("model", "track", job[:12], "--show", code=1)
        joint_nodes.fill(world.brand, world.folder)
        rows = (world.folder / "brand.csv").read_text().splitlines()
        # From here on who has churned has nothing to do with anything.
        told = [
            f"{row.rsplit(',', 1)[0]},{('yes', 'no')[int(row[10:13]) * 7919 % 1013 < 500]}"
            for row in rows[1:]
        ]
        (world.folder / "brand.csv").write_text("\n".join([rows[0], *told]) + "\n")
        file = world.folder / "brand.csv"
        world.brand.services.datasets.register("customers", file, "id", "email", None, None)
        worse = accord("model", "track", job[:12], "--outcomes", outcomes)
        assert "worse than at training" in worse
        assert len(world.brand.services.jobs.all()) == 1, "nothing is asked unasked"
        ask = ("model", "track", job, "--outcomes", outcomes, "--retrain", "--json")
        anew = json.loads(accord(*ask))["anew"]["job"]
        again = world.brand.services.jobs.description(anew)
        assert (again.kind, again.question) == ("joint", made.question)


def test_any_partner_compares_a_common_model_and_asks_for_it_again(
    tmp_path: Path, typing: Typing
) -> None:
    outcomes = tmp_path / "renewed.yaml"
    outcomes.write_text(common_models.OUTCOMES)
    with common_models.common_model() as world, typing(world.publisher) as accord:
        job, node = the_job(world), world.publisher
        made = node.services.jobs.description(job)
        common_models.fill(
            node, world.folder, lambda n: None if n == 1001 else common_models.by_model(n)
        )
        told = accord("model", "track", job[:12], "--outcomes", outcomes, "--retrain")
        assert "as good as at training" in told
        assert "not compared: 1 people of whom no outcome is known" in told
        assert "nothing has left this party, and nothing is charged" in told
        ask = ("model", "track", job, "--outcomes", outcomes)
        assert "nothing is charged" in accord(*ask, "--dry-run", code=2)
        assert "nothing of that is kept" in accord("model", "track", job, "--show", code=1)
        common_models.fill(node, world.folder, common_models.by_chance)
        assert "worse than at training" in accord(*ask)
        assert len(node.services.jobs.all()) == 1, "nothing is asked unasked"
        anew = json.loads(accord(*ask, "--retrain", "--json"))["anew"]["job"]
        again = node.services.jobs.description(anew)
        assert (again.kind, again.purpose, again.question) == (
            "federated", made.purpose, made.question
        )  # fmt: skip
        assert (again.requester, again.receiver) == ("publisher", made.receiver)


@pytest.mark.slow
def test_where_it_is_worse_the_model_is_asked_for_again_if_wanted(
    tmp_path: Path, typing: Typing
) -> None:
    outcomes = tmp_path / "bought.yaml"
    outcomes.write_text(OUTCOMES)
    with (
        tracking_nodes.tracking_nodes(LARGE) as world,
        typing(world.brand) as accord,
    ):
        model = model_of(world)
        fill(world.brand, world.folder, LARGE, by_chance)
        world.clock.advance(seconds=5)
        accord("model", "track", model, "--outcomes", outcomes)
        asked = world.brand.services.jobs.all()[0].job
        world.settle(asked)
        shown = accord("model", "track", model, "--show")
        assert "worse than at training" in shown
        assert "accord job lookalike spring --purpose lookalike-audience" in shown
        assert world.brand.services.jobs.all()[0].job == asked, "nothing is asked unasked"
        world.clock.advance(seconds=5)
        found = json.loads(accord("model", "track", model, "--show", "--retrain", "--json"))
        anew = found["anew"]["job"]
        again = world.brand.services.jobs.description(anew)
        made = world.brand.services.jobs.description(model)
        assert (again.kind, again.question) == (made.kind, made.question)
        world.settle(anew)
        assert world.job(anew) == ("completed", "")
