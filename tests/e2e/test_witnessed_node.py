"""A node, a coordinator and two witnesses as processes, set up with the commands of the docs."""

import contextlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from party_node.demo import processes
from party_node.demo.network import start_node
from party_node.demo.processes import Service
from tests.support.network import Said, accord, start_coordinator, typed, until
from tests.support.witness import WitnessProcess

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

RULES = "group others any a b\ngroup all all coordinator others\nquorum all\n"


@dataclass
class Four:
    """The processes, and the commands that their operators type."""

    folder: Path
    stack: contextlib.ExitStack
    witnesses: dict[str, WitnessProcess] = field(default_factory=dict)

    def start(self) -> None:
        hub, port = self.folder / "hub", processes.free_port()
        url = f"http://127.0.0.1:{port}"
        processes.command(
            "coordinator", "init", "--home", str(hub), "--name", "hub.example", "--url", url
        )
        self.stack.callback(start_coordinator(hub, port).stop)
        self.accord("node", "create", "--party", "brand", "--port", "0")
        words = ("invite", "--home", str(hub), "--party", "brand")
        token = processes.command("coordinator", *words)["text"]
        self.accord("node", "enrol", token)
        self.start_node()

    def start_node(self, *, ready: bool = True) -> Service:
        self.node = start_node(self.folder / "brand", "brand")
        self.stack.callback(self.node.stop)
        if ready:
            processes.await_ready(self.node)
        else:
            home = self.folder / "brand"
            until((home / "url").exists, "the node answers")
        return self.node

    def start_witness(self, name: str, key_type: str, vkey: str) -> str:
        """Run a witness that knows the ledger; return its line for a policy."""
        home = ("--home", str(self.folder / name))
        words = ("init", *home, "--name", f"{name}.example/w", "--key-type", key_type)
        assert typed("coordinator.witness_node", *words).code == 0
        assert typed("coordinator.witness_node", "add-log", *home, vkey).code == 0
        process = WitnessProcess.start(self.folder / name)
        self.witnesses[name] = process
        self.stack.callback(self.end_witness, name)
        said = typed("coordinator.witness_node", "status", *home, "--json")
        return f"witness {name} {json.loads(said.out)['vkey']} {process.url}\n"

    def end_witness(self, name: str) -> None:
        process = self.witnesses[name]
        if process.process.poll() is None:
            process.kill()

    def accord(self, *words: str) -> Said:
        return accord(*words, "--home", str(self.folder / "brand"))

    def read(self, *words: str) -> Any:
        said = self.accord(*words, "--json")
        assert said.out, said.err
        return json.loads(said.out)

    def check(self, name: str) -> str:
        """Return the error code of one of the node's checks; empty if all is well."""
        checks: list[dict[str, str]] = self.read("node", "status")["checks"]
        return next(check["code"] for check in checks if check["name"] == name)

    def give(self, number: int) -> None:
        person = ("--email", f"p{number}@example.org", "--purpose", "joint-audience")
        assert self.accord("consent", "give", *person).code == 0

    def publish(self) -> Said:
        """Export evidence, for which everything is published first."""
        return self.accord("ledger", "export", str(self.folder / "evidence.zip"))


@pytest.fixture
def four(tmp_path: Path) -> Iterator[Four]:
    with contextlib.ExitStack() as stack:
        made = Four(tmp_path, stack)
        made.start()
        yield made


def test_a_ledger_with_two_witnesses_of_other_operators(four: Four) -> None:
    shown = four.read("ledger", "policy", "show")
    log = shown["text"].splitlines()[0].removeprefix("log ")
    assert shown["text"].endswith("/witness\nquorum coordinator\n")
    lines = four.start_witness("a", "ed25519", log) + four.start_witness("b", "ml-dsa-44", log)
    policy = four.folder / "policy.txt"
    policy.write_text(shown["text"].replace("quorum coordinator\n", lines + RULES))
    said = four.accord("ledger", "policy", "set", str(policy))
    assert said.code == 0, said.err
    published = four.read("ledger", "status")["published"]
    assert published["cosigned_by"] == ["a", "b", "coordinator"]

    # One witness is killed: nobody waits for it. Then the other one too: nothing is published.
    four.witnesses["a"].kill()
    four.give(1)
    assert four.publish().code == 0
    assert four.read("ledger", "status")["published"]["cosigned_by"] == ["b", "coordinator"]
    verified = typed("party_node.evidence.verifier", str(four.folder / "evidence.zip"), "--policy",
                     str(policy))  # fmt: skip
    assert "PASSED checkpoint" in verified.out, verified.out
    four.witnesses["b"].kill()
    size = four.read("ledger", "status")["published"]["size"]
    four.give(2)
    assert four.publish().code == 0, "an older checkpoint is evidence too"
    assert four.read("ledger", "status")["published"]["size"] == size
    said = four.accord("node", "status")
    assert said.code == 75
    assert "quorum-missed" in said.out
    four.witnesses["b"] = WitnessProcess.start(four.folder / "b")

    # It listens elsewhere now: the party changes the address in its policy.
    changed = policy.read_text().splitlines()
    changed = [
        f"{line.rpartition(' ')[0]} {four.witnesses['b'].url}"
        if line[:10] == "witness b "
        else line
        for line in changed
    ]
    policy.write_text("\n".join(changed) + "\n")
    assert four.accord("ledger", "policy", "set", str(policy)).code == 0
    assert four.read("ledger", "status")["published"]["size"] > size
    assert four.accord("node", "status").code == 0


def test_a_restored_backup_is_found_out_when_the_node_starts(four: Four) -> None:
    home, backup = four.folder / "brand", four.folder / "backup"
    four.give(1)
    assert four.publish().code == 0
    four.node.stop()
    shutil.copytree(home, backup)
    four.start_node()
    for number in (2, 3):
        four.give(number)
    assert four.publish().code == 0
    four.node.stop()
    for file in home.glob("node.db*"):
        file.unlink()
    for file in backup.glob("node.db*"):
        shutil.copy(file, home)
    four.start_node(ready=False)
    until(lambda: four.check("witnesses") == "ledger-inconsistent", "the alarm is raised")
    assert "ALARM of witness coordinator: ahead" in four.accord("ledger", "status").out
    assert four.accord("node", "status").code == 75
    said = four.publish()
    assert said.code == 1
    assert "an old backup was restored" in said.err
