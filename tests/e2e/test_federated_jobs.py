"""Federated jobs over real processes: a coordinator with Flower's SuperLink, nodes with SuperNodes.

In one process, with everything that can go wrong: `tests/simulation/test_federated.py`.
"""

import sys
import time
from pathlib import Path

import pytest

from tests.support.common_models import OUTCOMES
from tests.support.federated_network import HELD, SILENT, Together, ended, together
from tests.support.federated_nodes import QUESTION
from tests.support.network import accord, load, typed, until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def proved(made: Together, folder: Path, job: str, names: tuple[str, ...]) -> None:
    """Each party's evidence verifies by itself, with everybody's fingerprints."""
    told = [f"--party={p.party}={p.fingerprint}" for p in made.parties.values()]
    for name in names:
        path = folder / f"{name}-{job}.zip"
        path.write_bytes(made.parties[name].download(f"/v1/ledger/export?job={job}"))
        said = typed("party_node.evidence.verifier", str(path), *told, "--json")
        assert said.code == 0, said.out
        assert load(said)["passed"]


def test_two_partners_train_two_rounds_in_half_a_minute(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with together(tmp_path, ("brand", "publisher")) as made:
        began = made.cpu_seconds(), time.monotonic()
        job = made.ask(QUESTION)
        for party in made.parties.values():
            assert ended(party, job)["state"] == "completed"
        cpu, wall = made.cpu_seconds() - began[0], time.monotonic() - began[1]
        with capsys.disabled():
            sys.stderr.write(f"federated job: {cpu:.1f} CPU-seconds, {wall:.1f} s on the wall\n")
        # Time on the wall is the machine's; what must not grow is the work.
        assert cpu < 45
        results = [party.get(f"/v1/jobs/{job}/result") for party in made.parties.values()]
        assert len({found["model"]["commitment"] for found in results}) == 1
        assert all(found["model"]["rounds"][1]["auc"] > 0.6 for found in results)
        proved(made, tmp_path, job, ("brand", "publisher"))
        for name, party in made.parties.items():
            (kept,) = party.get("/v1/models")
            assert (kept["job"], kept["kind"]) == (job, "federated")
            body = {"size": 60, "without": [f"row-{n}" for n in list(HELD[name])[:10]]}
            found = party.post(f"/v1/models/{job}/audience", body)
            assert (found["people"], found["left_out"], found["unknown_keys"]) == (60, 10, 0)
            outcomes = tmp_path / f"{name}.yaml"
            outcomes.write_text(OUTCOMES)
            words = ("model", "track", job[:12], "--outcomes", str(outcomes), "--json")
            said = accord(*words, "--home", str(party.home))
            assert said.code == 0, said.err
            tracked = load(said)
            assert tracked["people"] == len(set(HELD[name]) - SILENT)
            # The label of training once more: it is told about as well as then.
            assert abs(tracked["now"]["auc"] - tracked["before"]["auc"]) < 0.2
            handed = party.post(f"/v1/audiences/{job}/activations", {"format": "json"})
            assert len(set(handed["keys"]) - set(body["without"])) == 60


def test_of_three_one_drops_out_and_coordinator_and_a_node_are_killed(tmp_path: Path) -> None:
    names = ("brand", "publisher", "shop")
    with together(tmp_path, names) as made:
        job = made.ask(QUESTION)

        def learnt() -> bool:
            at = made.view("shop", job).get("training")
            return at is not None and at["stage"] in ("learnt", "confirmed", "opened")

        until(learnt, "the shop has learnt", 120)
        made.kill("shop")
        made.restart_coordinator()
        made.kill("publisher")
        made.restart("publisher")
        for name in ("brand", "publisher"):
            assert ended(made.parties[name], job)["state"] == "completed"
            model = made.parties[name].get(f"/v1/jobs/{job}/result")["model"]
            assert model["signed_by"] == ["brand", "publisher"]
            assert model["rounds"][1]["partners"] == ["brand", "publisher"]
        made.restart("shop")
        assert ended(made.parties["shop"], job)["state"] == "completed"
        proved(made, tmp_path, job, ("brand", "publisher"))
