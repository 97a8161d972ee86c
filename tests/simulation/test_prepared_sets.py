"""Jobs against a prepared set: the second run costs what changed, and consent decides as always."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import Response

from party_node.api.jobs import JobBody, ask
from party_node.approvals import Rule
from party_node.prepared import kept_sets, people_file
from party_node.prepared.manifests import CopyManifest, SetManifest
from party_node.prepared.sealed_folder import SealedFolder
from protocols.psi.prepared import NAME
from tests.support.two_nodes import (
    BRAND,
    FLOOR,
    PARTIES,
    PUBLISHER,
    PURPOSE,
    RHO_NANO,
    Node,
    ReadyWorld,
    TwoNodes,
    consenting,
    email,
    make,
)

COLLABORATION = "standing"
SENDERS = consenting(BRAND)
"""The brand has the set; the publisher asks."""
PLAIN = consenting(BRAND) & consenting(PUBLISHER)
_DOCUMENT = f"""\
collaboration: {COLLABORATION}
version: 1
title: Standing
expires: 2027-06-30
minimum_size: 2
budget: {{rho: "1000", delta_exponent: 8}}
parties: {{brand: {{}}, publisher: {{}}}}
datasets:
  - {{party: brand, dataset: customers, identifiers: [email]}}
  - {{party: publisher, dataset: audience, identifiers: [email]}}
jobs:
  - {{kind: audience, purpose: joint-audience, receiver: publisher, reveal: true, protocol: {NAME}}}
"""


def _agree(world: TwoNodes, folder: Path) -> None:
    make(world, folder)
    world.brand.services.collaborations.propose(_DOCUMENT)
    world.publisher.services.collaborations.countersign(COLLABORATION, 1)
    rule = Rule("standing", COLLABORATION, "audience", PURPOSE["audience"], RHO_NANO, True)
    world.publisher.services.rules.put(rule)


def _prepare(world: TwoNodes, folder: Path) -> None:
    _agree(world, folder)
    assert run(world) == PLAIN


_AGREED = ReadyWorld("standing", PARTIES, _agree)
_PREPARED = ReadyWorld("standing-prepared", PARTIES, _prepare)


@pytest.fixture
def world() -> Iterator[TwoNodes]:
    with _AGREED.copy() as found:
        yield found


@pytest.fixture
def prepared() -> Iterator[TwoNodes]:
    """A world in which one job has prepared the set, and given a copy."""
    with _PREPARED.copy() as found:
        yield found


def start(world: TwoNodes) -> str:
    body = {"collaboration": COLLABORATION, "kind": "audience", "rho": "10"}
    running = world.brand._running()
    return str(ask(JobBody.model_validate(body), running, Response())["job"])


def run(world: TwoNodes) -> set[int]:
    """Run a job to its end; return who is in the audience."""
    job = start(world)
    world.settle(job)
    assert world.brand.state(job) == ("completed", "")
    return world.publisher.activate(job)


def evaluated(node: Node) -> int:
    return node.services.kept_sets.evaluated


def the_set(node: Node) -> SetManifest:
    return set_of(node)[1]


def set_of(node: Node) -> tuple[SealedFolder, SetManifest]:
    (folder,) = node.services.kept_sets._folders("set-*")
    found = node.services.kept_sets._manifest(folder)
    assert found is not None
    return folder, found


def copy_of(node: Node) -> tuple[SealedFolder, CopyManifest]:
    (folder,) = node.services.kept_sets._folders("copy-*")
    found = node.services.kept_sets._copy(folder)
    assert found is not None
    return folder, found


def the_copy(node: Node) -> CopyManifest:
    return copy_of(node)[1]


def tags_of_copy(node: Node) -> set[bytes]:
    folder, found = copy_of(node)
    data, t = b"".join(map(folder.read, found.buckets)), found.copy.tag_bytes
    return {data[i : i + t] for i in range(0, len(data), t)}


def tag_of(node: Node, person: int) -> bytes:
    """Return the tag of a person in the set."""
    folder, manifest = set_of(node)
    dense = node.services.identity.find("email", email(person))
    for shard in manifest.shards:
        rows = people_file.read_rows(folder.read(shard.file), manifest.tag_bytes)
        for row in rows[rows["dense"] == dense]:
            return bytes(row["tag"])
    raise AssertionError("the person is not in the set")


def say(world: TwoNodes, node: Node, state: str, people: set[int], event: str = "") -> None:
    world.clock.advance(seconds=1)
    for person in people:
        node.say(state, person, PURPOSE["audience"], event and f"{event}-{person}")
    world.clock.advance(seconds=1)


def test_the_audience_is_the_intersection_of_who_is_permitted(world: TwoNodes) -> None:
    assert run(world) == PLAIN
    assert evaluated(world.brand) == len(SENDERS)


def test_a_second_run_evaluates_only_the_difference(prepared: TwoNodes) -> None:
    before, copy = evaluated(prepared.brand), the_copy(prepared.publisher)
    assert run(prepared) == PLAIN
    assert evaluated(prepared.brand) == before
    assert the_copy(prepared.publisher).copy == copy.copy
    say(prepared, prepared.brand, "given", {3, 14})
    assert run(prepared) == (SENDERS | {3, 14}) & consenting(PUBLISHER)
    assert evaluated(prepared.brand) == before + 2
    assert the_copy(prepared.publisher).copy.number == copy.copy.number + 1


def test_the_size_of_a_prepared_set_is_a_step(world: TwoNodes) -> None:
    """And a difference has as many tags that came as that went, whoever they are."""
    sizes, versions, changed = [], [], []
    for state, people in (("given", set()), ("given", {3, 14}), ("withdrawn", {min(PLAIN)})):
        say(world, world.brand, state, people)
        run(world)
        copy = the_copy(world.publisher).copy
        sizes.append(copy.checksum.count)
        versions.append(copy.number)
        changed.append([change.tags for change in the_set(world.brand).changes])
    assert sizes == [FLOOR] * 3
    assert versions == [1, 2, 3]
    assert changed == [[], [2 * 2], [2 * 2, 2 * 1]]


def test_who_is_new_waits_before_a_prepared_set_too(prepared: TwoNodes) -> None:
    prepared.brand.least_change = 2
    prepared.brand.restart()
    before = the_set(prepared.brand).version
    say(prepared, prepared.brand, "given", {3})
    assert run(prepared) == PLAIN
    assert the_set(prepared.brand).version == before
    say(prepared, prepared.brand, "withdrawn", {min(PLAIN)})
    assert run(prepared) == PLAIN - {min(PLAIN)}, "who has left makes no room"
    say(prepared, prepared.brand, "given", {14})
    assert run(prepared) == ((SENDERS | {3, 14}) - {min(PLAIN)}) & consenting(PUBLISHER)


def test_a_withdrawal_takes_the_tag_from_both_sides_before_anything_is_answered(
    prepared: TwoNodes,
) -> None:
    gone = {min(PLAIN), max(PLAIN)}
    tags = {tag_of(prepared.brand, person) for person in gone}
    assert tags <= tags_of_copy(prepared.publisher)
    say(prepared, prepared.brand, "withdrawn", gone)
    assert run(prepared) == PLAIN - gone
    assert not tags & tags_of_copy(prepared.publisher)
    assert the_set(prepared.brand).checksum == the_copy(prepared.publisher).copy.checksum
    assert evaluated(prepared.brand) == 0


def test_who_comes_back_is_evaluated_again(prepared: TwoNodes) -> None:
    say(prepared, prepared.brand, "withdrawn", {min(PLAIN)})
    run(prepared)
    say(prepared, prepared.brand, "given", {min(PLAIN)}, "again")
    assert run(prepared) == PLAIN
    assert evaluated(prepared.brand) == 1


def test_erasure_removes_the_tag(prepared: TwoNodes) -> None:
    person = min(PLAIN)
    tag, services = tag_of(prepared.brand, person), prepared.brand.services
    dense = services.identity.find("email", email(person))
    assert dense is not None
    services.aftermath.erasing.erase(dense, "request-1")
    with pytest.raises(AssertionError, match="not in the set"):
        tag_of(prepared.brand, person)
    folder, manifest = set_of(prepared.brand)
    files = [folder.read(name) for name in manifest.files()]
    assert not [data for data in files if tag in data]
    on_disk = {path.name for path in services.home.prepared.rglob("*") if path.is_file()}
    assert on_disk == manifest.files() | {"manifest"}
    assert run(prepared) == PLAIN - {person}
    assert tag not in tags_of_copy(prepared.publisher)
    assert evaluated(prepared.brand) == 0


def test_an_erasure_in_the_middle_of_a_job_ends_it_before_the_tag_leaves(world: TwoNodes) -> None:
    job, services = start(world), world.brand.services
    world.settle(job, until=lambda: world.brand.phase(job) == "protocol")
    person = min(PLAIN)
    tag, dense = tag_of(world.brand, person), services.identity.find("email", email(person))
    assert dense is not None
    services.aftermath.erasing.erase(dense, "request-1")
    world.settle(job)
    assert world.brand.state(job) == world.publisher.state(job) == ("failed", "kept-set-gone")
    assert not world.publisher.has_audience(job)
    assert not list(world.publisher.services.home.prepared.iterdir())
    assert run(world) == PLAIN - {person}
    assert tag not in tags_of_copy(world.publisher)


def test_a_file_registered_again_is_compared_and_only_other_identifiers_are_evaluated(
    prepared: TwoNodes,
) -> None:
    path = prepared.folder / "brand.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-3]) + "\n")  # three people are not in it any more
    prepared.brand.services.datasets.register("customers", path, "key", "email", None, "GB")
    last = {25, 24, 23}
    assert run(prepared) == PLAIN - last
    assert evaluated(prepared.brand) == 0
    path.write_text("\n".join(lines) + "\n")
    prepared.brand.services.datasets.register("customers", path, "key", "email", None, "GB")
    assert run(prepared) == PLAIN
    assert evaluated(prepared.brand) == len(last & SENDERS)


def test_an_epoch_ends_with_its_days(prepared: TwoNodes) -> None:
    before = the_set(prepared.brand)
    prepared.clock.advance(seconds=kept_sets.EPOCH_DAYS * 24 * 3600)
    assert run(prepared) == PLAIN
    after = the_set(prepared.brand)
    assert (after.epoch, after.key) != (before.epoch, before.key)
    assert not {before.epoch, before.key} & {after.epoch, after.key}
    assert the_copy(prepared.publisher).copy.epoch == after.epoch
    assert evaluated(prepared.brand) == len(SENDERS)


def test_an_epoch_ends_with_its_questions(
    prepared: TwoNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (asked,) = the_set(prepared.brand).asked
    assert asked.points >= len(consenting(PUBLISHER))
    monkeypatch.setattr(kept_sets, "EPOCH_POINTS", asked.points)
    before = the_set(prepared.brand).epoch
    assert run(prepared) == PLAIN
    assert the_set(prepared.brand).epoch != before
    assert len(the_set(prepared.brand).asked) == 1


def test_keys_and_copies_that_have_outlived_their_epoch_are_destroyed_at_the_start(
    prepared: TwoNodes,
) -> None:
    prepared.clock.advance(seconds=kept_sets.EPOCH_DAYS * 24 * 3600)
    for node in (prepared.brand, prepared.publisher):
        assert list(node.services.home.prepared.iterdir())
        node.restart()
        assert not list(node.services.home.prepared.iterdir())


def test_a_receiver_that_lost_its_copy_gets_the_whole_set(prepared: TwoNodes) -> None:
    copy_of(prepared.publisher)[0].erase()
    assert run(prepared) == PLAIN
    assert the_copy(prepared.publisher).copy.checksum == the_set(prepared.brand).checksum
    assert evaluated(prepared.brand) == 0


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_nodes_killed_at_every_step_end_with_the_same(prepared: TwoNodes, every: int) -> None:
    say(prepared, prepared.brand, "withdrawn", {min(PLAIN)})
    job, turns = start(prepared), 0

    def kill() -> None:
        nonlocal turns
        turns += 1
        if turns % every == 0:
            for node in prepared.nodes.values():
                node.restart()

    prepared.settle(job, each=kill)
    assert prepared.brand.state(job) == ("completed", "")
    assert prepared.publisher.activate(job) == PLAIN - {min(PLAIN)}
    assert the_set(prepared.brand).checksum == the_copy(prepared.publisher).copy.checksum
    assert len(the_set(prepared.brand).asked) == 2


def test_two_jobs_at_once_each_have_their_own_version(prepared: TwoNodes) -> None:
    first = start(prepared)
    reached = lambda: prepared.brand.phase(first) == "protocol"  # noqa: E731
    prepared.settle(first, until=reached)
    say(prepared, prepared.brand, "given", {3})
    second = start(prepared)
    prepared.settle(first, second)
    both = consenting(PUBLISHER)
    assert prepared.publisher.activate(first) == PLAIN
    assert prepared.publisher.activate(second) == (SENDERS | {3}) & both
    assert the_set(prepared.brand).checksum == the_copy(prepared.publisher).copy.checksum
    for node in (prepared.brand, prepared.publisher):
        files = [p for p in node.services.home.prepared.rglob("*") if p.is_file()]
        assert len(files) <= 6, "files that nothing needs are left"


def test_keys_and_tags_do_not_lie_there_in_clear(prepared: TwoNodes) -> None:
    manifest, tags = the_set(prepared.brand), tags_of_copy(prepared.publisher)
    needles = [manifest.key, manifest.epoch, *tags]
    for node in (prepared.brand, prepared.publisher):
        for path in node.services.home.prepared.rglob("*"):
            data = path.read_bytes() if path.is_file() else b""
            assert not [needle for needle in needles if needle in data]
