"""Federated training through real processes of Flower, over TLS."""

import base64
import dataclasses
import datetime
import ssl
import sys
import time
from pathlib import Path

import httpx2
import numpy as np
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flwr.proto.fleet_pb2 import ActivateNodeRequest
from flwr.supercore.protobuf.constants import PROTOBUF_MEDIA_TYPE

from coordinator.federated.training import Patience, States, train
from protocols.federated import fixed_point, learning
from protocols.federated.terms import MOST_PAIRED
from tests.support.flower import SHAPE, Stage, people_of, stage
from tests.support.trained_people import trained as learnt_from

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PATIENCE = Patience(answer=150, learning=150, away=3)


def trained(made: Stage, run, folder: Path, patience: Patience = PATIENCE, told=lambda *at: None):
    with made.fleet.superlink.link.run() as line:
        return train(run, line, States(folder), patience, told)


def joint(run) -> np.ndarray:
    """Return what the partners would have found without noise and without masks."""
    quiet = dataclasses.replace(run.terms, rho_nano=0)
    return learnt_from(quiet, [people_of(name) for name in quiet.parties])


def test_two_partners_train_two_rounds_with_little_work(tmp_path, capsys):
    with stage(tmp_path, ("brand", "publisher")) as made:
        run = made.run(("brand", "publisher"))
        for name in made.partners:
            made.start(name)
        made.await_online(*made.partners)
        began = made.cpu_seconds(), time.monotonic()
        model = trained(made, run, tmp_path / "states")
        cpu, wall = made.cpu_seconds() - began[0], time.monotonic() - began[1]
        with capsys.disabled():
            sys.stderr.write(f"two rounds: {cpu:.1f} CPU-seconds of all processes, {wall:.1f} s\n")
        # Nine exchanges. Time on the wall is the machine's; what must not grow is the work.
        assert cpu < 30
        found = fixed_point.read_weights(run.terms, model.weights)
        scores = [
            learning.score(run.terms, weights, people_of("brand").codes)
            for weights in (found, joint(run))
        ]
        assert np.corrcoef(*scores)[0, 1] > 0.9
        assert [t.contributed for t in model.turns] == [("brand", "publisher")] * 2
        outside_sees_only_what_is_passed_on(made)
        flower_speaks_on_loopback_only(made)
        for name, who in made.partners.items():
            assert who.trainings.model(run.terms.job) == model.weights
            charges = [(c.to_party, c.what, c.rho_nano) for c in who.budgets.history()]
            other = "publisher" if name == "brand" else "brand"
            assert charges == [
                (other, "federated-round-1", run.terms.rho_nano),
                (other, "federated-round-2", run.terms.rho_nano),
            ]


def test_the_largest_update_there_is_passes_through_flower(tmp_path):
    """A megabyte: 512 columns, all of them in pairs."""
    each = (MOST_PAIRED - 1) // len(SHAPE)
    with stage(tmp_path, ("brand", "publisher")) as made:
        run = made.run(("brand", "publisher"), one_hot=(each,) * len(SHAPE), rounds=1)
        assert run.terms.entries(0) > 90_000
        for name in made.partners:
            made.start(name)
        made.await_online(*made.partners)
        model = trained(made, run, tmp_path / "states")
        assert [t.contributed for t in model.turns] == [("brand", "publisher")]


def test_of_three_partners_one_drops_out_and_another_run_of_flower_goes_on(tmp_path):
    names = ("brand", "outsider", "publisher")
    with stage(tmp_path, names) as made:
        run = made.run(names)
        for name in names:
            made.start(name)
        made.await_online(*made.partners)
        halted = RuntimeError("the coordinator stopped")

        def told(at, turn):
            if (at.value, turn) == ("confirmation", 0):
                gone = made.partners["outsider"]
                assert gone.node is not None
                gone.node.stop()
                gone.node = None
                raise halted

        states = tmp_path / "states"
        with pytest.raises(RuntimeError, match="the coordinator stopped"):
            trained(made, run, states, told=told)
        model = trained(made, run, states)
        assert [t.contributed for t in model.turns] == [names, ("brand", "publisher")]
        assert {a.party for a in model.absences} == {"outsider"}
        assert made.partners["brand"].trainings.model(run.terms.job) == model.weights
        rounds = [c.what for c in made.partners["brand"].budgets.history()]
        assert sorted(set(rounds)) == ["federated-round-1", "federated-round-2"]
        assert len(rounds) == 4
        disk = b"".join(
            path.read_bytes() for path in (tmp_path / "coordinator").rglob("*") if path.is_file()
        )
        for who in made.partners.values():
            assert who.trainings.vault.open(
                f"federated/{run.terms.job}", next(who.folder.glob("*.training")).read_bytes()
            )
            for secret in secrets_of(who, run.terms.job):
                assert secret not in disk


def outside_sees_only_what_is_passed_on(made: Stage) -> None:
    """Flower's unguarded interfaces are not there, and a node without a known key is refused."""
    trust = ssl.create_default_context(cadata=made.outside.certificate.decode())
    with httpx2.Client(base_url=made.url, verify=trust, trust_env=False) as http:
        for path in ("control/list-nodes", "control/start-run", "runtime/acquire-task"):
            assert http.post(f"/v1/{path}", content=b"").status_code == 404
        stranger = ec.generate_private_key(ec.SECP384R1())
        public = stranger.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        now = datetime.datetime.now(datetime.UTC).isoformat()
        signature = stranger.sign(now.encode(), ec.ECDSA(hashes.SHA256()))
        asked = ActivateNodeRequest(public_key=public, heartbeat_interval=30)
        headers = {
            "content-type": PROTOBUF_MEDIA_TYPE,
            "accept": PROTOBUF_MEDIA_TYPE,
            "flwr-public-key": base64.b64encode(public).decode(),
            "flwr-timestamp": now,
            "flwr-signature": base64.b64encode(signature).decode(),
        }
        body = asked.SerializeToString(deterministic=True)
        answer = http.post("/v1/fleet/activate-node", content=body, headers=headers)
        assert 400 <= answer.status_code < 500, answer.text
        headers["flwr-signature"] = base64.b64encode(bytes(96)).decode()
        answer = http.post("/v1/fleet/activate-node", content=body, headers=headers)
        assert answer.status_code == 401


def flower_speaks_on_loopback_only(made: Stage) -> None:
    """No socket of Flower's processes is bound to, or connected with, anything but 127.0.0.1."""
    pids = [made.fleet.superlink.process.pid]
    pids += [who.node.process.pid for who in made.partners.values() if who.node is not None]
    for pid in pids:
        links = (str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir())
        inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
        local, remote = set(), set()
        for table in ("tcp", "tcp6", "udp", "udp6"):
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                cells = line.split()
                if cells[9] in inodes:
                    local.add(cells[1].split(":")[0])
                    remote.add(cells[2].split(":")[0])
        assert local == {"0100007F"}  # 127.0.0.1, little-endian
        assert remote <= {"0100007F", "00000000"}  # the second of a socket that listens


def secrets_of(who, job: str) -> list[bytes]:
    state = who.trainings.state(job)
    return [state.channel, *(part for s in state.secrets for part in (s.pair, s.own))]


def test_shapes_are_those_of_the_people():
    assert len(SHAPE) == people_of("brand").codes.shape[1]
