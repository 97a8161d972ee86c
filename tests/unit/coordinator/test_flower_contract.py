"""What Accord needs of Flower: if a new version changes it, these say so before a training does."""

import ast
import hashlib
import importlib
import inspect
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import flwr
import pytest
from flwr.app import ConfigRecord, Error, Message, Metadata, RecordDict
from flwr.app.message import make_message
from flwr.proto.control_pb2 import RegisterNodeRequest
from flwr.proto.node_pb2 import NodeInfo
from flwr.supercore import update_check
from flwr.supercore.constant import TaskType
from flwr.superlink.grid import HttpGrid
from flwr.superlink.routers.fleet.router import router as fleet_router

from coordinator.federated import SWITCHED_OFF, certificate, superlink
from coordinator.federated import flower as at_coordinator
from coordinator.fleet import CALLS
from party_node.federated import flower as at_node
from party_node.federated import supernode
from party_node.federated.errors import AppRefused, SuperNodeUnavailable
from protocols.federated import bundle
from tests.support.seeded import seeded

ROOT = Path(__file__).parents[3]
SUPERLINK = importlib.import_module("flwr.superlink.cli.flower_superlink")
SUPERNODE = importlib.import_module("flwr.supernode.cli.flower_supernode")
LOOP = importlib.import_module("flwr.supernode.start_client_internal")


def test_the_version_is_the_one_that_was_read():
    assert flwr.__version__.startswith("1.41.")


def test_flower_is_imported_by_two_files_only():
    found = set()
    for package in ("protocols", "consent", "coordinator", "party_node"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom):
                    names = [node.module or ""]
                if any(name.split(".")[0] == "flwr" for name in names):
                    found.add(str(path.relative_to(ROOT)))
    assert found == {"coordinator/federated/flower.py", "party_node/federated/flower.py"}


# Nothing leaves, and nothing that was sent is run


@pytest.mark.parametrize("package", ["coordinator", "party_node"])
def test_flower_is_silent_in_a_process_of_ours(package):
    """It reads the switch when it is imported, so in a process that has imported nothing yet."""
    code = (
        f"import {package}.federated.flower\n"
        "from flwr.supercore import telemetry\n"
        "print(telemetry.FLWR_TELEMETRY_ENABLED)"
    )
    kept = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=kept
    )
    assert done.stdout == "0\n"


def test_flower_asks_for_no_newer_version():
    source = inspect.getsource(update_check)
    assert 'if os.getenv(FLWR_DISABLE_UPDATE_CHECK) == "1":' in source
    assert SWITCHED_OFF["FLWR_DISABLE_UPDATE_CHECK"] == "1"


def test_flowers_processes_get_no_more_of_the_environment_than_they_need(tmp_path, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "x")
    monkeypatch.setenv("ACCORD_COORDINATOR_DATABASE_URL", "x")
    environment = superlink.environment(tmp_path)
    assert SWITCHED_OFF.items() <= environment.items()
    assert set(environment) <= {"PATH", "LANG", "TZ", "HOME", "FLWR_HOME", *SWITCHED_OFF}


def test_the_superlink_takes_our_options_and_they_mean_what_we_think(tmp_path):
    shared = certificate.make(tmp_path, seeded("x"), 1_800_000_000_000)
    words = superlink.command(shared, tmp_path / "db", 4711)
    options = SUPERLINK._parse_args_run_superlink().parse_args(words)
    assert options.isolation == "process"
    assert (options.host, options.port) == ("127.0.0.1", 4711)
    assert options.enable_supernode_auth
    assert not options.runtime_dependency_install
    assert not options.insecure
    assert options.superexec_auth_secret_file == str(shared.secret_file)
    assert {p.stat().st_mode & 0o777 for p in tmp_path.iterdir()} == {0o600}


def test_the_supernode_takes_our_options_and_they_mean_what_we_think(tmp_path):
    supernode.node_key(tmp_path)
    words = supernode.command(tmp_path, "https://hub.example", tmp_path / "ca.pem", 4712)
    options = SUPERNODE._parse_args_run_supernode().parse_args(words)
    assert options.isolation == "process"
    assert (options.host, options.port) == ("127.0.0.1", 4712)
    assert options.superlink == "hub.example:443"
    assert not options.runtime_dependency_install
    assert not options.insecure


@pytest.mark.parametrize("url", ["http://hub.example", "https://hub.example/accord"])
def test_a_coordinator_that_flower_cannot_reach_safely_is_refused(url):
    with pytest.raises(SuperNodeUnavailable):
        supernode.address_of(url)


def test_addresses_of_version_six_have_brackets():
    assert supernode.address_of("https://[::1]:8400") == "[::1]:8400"


def test_the_key_of_a_supernode_is_made_once_and_private(tmp_path):
    key = supernode.node_key(tmp_path / "federated")
    assert supernode.node_key(tmp_path / "federated") == key
    assert key.startswith(b"-----BEGIN PUBLIC KEY-----")
    path = supernode.key_file(tmp_path / "federated")
    assert path.stat().st_mode & 0o777 == 0o600


# The bundle


def test_both_sides_make_the_same_bundle_and_it_holds_no_code():
    made = at_coordinator.make_bundle()
    assert hashlib.sha256(made).hexdigest() == at_node.bundle_hash()
    at_node.check_bundle(made, at_node.bundle_hash())
    with zipfile.ZipFile(io.BytesIO(made)) as opened:
        assert set(opened.namelist()) == {"pyproject.toml", "refused.py", ".info/CONTENT"}
        code = ast.parse(opened.read("refused.py"))
    assert [type(statement) for statement in code.body] == [ast.Raise]


def test_any_other_bundle_is_refused():
    files = {**bundle.FILES, "refused.py": b"app = print('run')\n"}
    other, _ = at_node.build_fab_from_files(files)
    for content in (other, b"", at_coordinator.make_bundle() + b"\n"):
        with pytest.raises(AppRefused):
            at_node.check_bundle(content, at_node.bundle_hash())


def test_an_agent_or_a_server_is_never_asked_for_by_a_node():
    assert TaskType.CLIENT_APP == at_node.CLIENT_APP
    assert TaskType.SERVER_APP == at_coordinator.SERVER_APP


# Messages


def question(body=b"question", record=bundle.RECORD) -> Message:
    metadata = Metadata(7, "m" * 64, 1, 5, "", "", 1e9, 60.0, bundle.MESSAGE_TYPE)
    return make_message(metadata, RecordDict({record: ConfigRecord({bundle.FIELD: body})}))


def test_a_question_and_its_answer_cross_flowers_records():
    asked = question()
    assert at_node._question(asked) == b"question"
    reply = at_node._reply(asked, b"answer")
    assert at_coordinator._body(reply) == b"answer"
    assert reply.metadata.reply_to_message_id == asked.metadata.message_id
    assert (reply.metadata.src_node_id, reply.metadata.dst_node_id) == (5, 1)


@pytest.mark.parametrize("asked", [question("text"), question(record="other")])
def test_a_message_without_a_question_is_refused(asked):
    with pytest.raises(AppRefused):
        at_node._question(asked)


@pytest.mark.parametrize("told", [question("text"), question(record="other")])
def test_a_message_without_an_answer_counts_as_none(told):
    assert at_coordinator._body(told) is None


def test_a_refusal_counts_as_no_answer():
    refused = Message(Error(2, "budget-exceeded"), reply_to=question())
    assert at_coordinator._body(refused) is None


# What else is used


def test_the_calls_that_are_passed_on_are_those_of_flowers_nodes():
    paths = {route.path.removeprefix("/v1/fleet/") for route in fleet_router.routes}
    assert paths == CALLS | {"register-node", "unregister-node"}


def test_nodes_have_names():
    assert NodeInfo(name="brand", status="online").name == "brand"
    assert RegisterNodeRequest(public_key=b"k", name="brand").name == "brand"


def test_the_grid_has_the_client_that_we_speak_through():
    assert isinstance(inspect.getattr_static(HttpGrid, "_runtime_client"), property)


def test_the_supernode_pauses_through_the_module_that_is_shortened():
    source = inspect.getsource(LOOP)
    assert "import time\n" in source
    assert {"time.sleep(3)", "time.sleep(0.5)"} <= set(source.split()) | {
        line.strip() for line in source.splitlines()
    }


def test_pauses_are_brief_after_a_message_and_longer_when_nothing_comes():
    slept = []
    pauses = at_node.Pauses(slept.append)
    for _ in range(at_node.BRISK_TIMES + 2):
        pauses.sleep(3)
    assert slept == [0.2] * at_node.BRISK_TIMES + [1.0, 1.0]
    pauses.sleep(0.5)
    pauses.sleep(3)
    assert slept[-2:] == [0.2, 0.2]
