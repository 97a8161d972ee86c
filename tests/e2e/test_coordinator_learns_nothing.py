"""Everything that the coordinator has and sees, searched for everybody in both files.

Its folder with database, write-ahead log and logs, and every byte that passed between it and the
nodes in either direction, after an overlap, an audience, a withdrawal and an activation.
"""

import base64
import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from protocols import identifiers
from protocols.dp.count import NoisyCount, SizeRelease
from protocols.identifiers import normalise_email
from protocols.job import Preflight, ReceiptSignature
from protocols.registry import REGISTRY
from protocols.release import Withheld
from tests.support.needles import SHORTEST, Haystack, in_clear, of_identifier, of_text
from tests.support.network import BRAND, COORDINATOR, PARTIES, PUBLISHER, SmallNetwork

pytestmark = pytest.mark.e2e

INSIDE = (Preflight, SizeRelease, NoisyCount, Withheld, ReceiptSignature)
"""What only envelopes hold, beside the protocols' own messages, states and outputs."""


RECORD = "a record of kind"


def secrets_of(network: SmallNetwork) -> Iterator[tuple[str, bytes]]:
    """Return everything in both files that names a person, raw and normalised; and row keys."""
    tables = {
        BRAND: pyarrow.csv.read_csv(network.world.customers),
        PUBLISHER: pq.read_table(network.world.audience),
    }
    for party, table in tables.items():
        columns = {
            name: [str(v) for v in table[name].to_pylist() if v] for name in table.schema.names
        }
        key = columns["customer_id" if party == BRAND else "reader_id"]
        yield from ((f"row key {i} of the {party}", k.encode()) for i, k in enumerate(key))
        for kind in identifiers.PERSON_KINDS:
            values = columns[kind]
            for i, value in enumerate(values):
                if len(value.encode()) >= SHORTEST:
                    yield from of_text(f"{kind} {i} of the {party} as written", value)
            normalised = identifiers.normalise_column(kind, values, "GB").values
            for i, value in enumerate(normalised):
                if value is not None:
                    yield from of_identifier(f"{kind} {i} of the {party}", kind, value)


def plaintexts() -> Iterator[tuple[str, bytes]]:
    """Return the kinds of records that stand in message bodies, and nowhere else."""
    kinds = {record.KIND for record in INSIDE}
    for protocol in REGISTRY.values():
        for record in (*protocol.messages, *protocol.states, *protocol.outputs):
            if len(record.KIND) >= SHORTEST:
                kinds.add(record.KIND)
    for kind in sorted(kinds):
        yield from in_clear(f"{RECORD} {kind}", kind.encode())


def folder_of(network: SmallNetwork) -> dict[str, bytes]:
    """Return every file of the coordinator, with its log."""
    home = network.home(COORDINATOR)
    files = [*home.rglob("*"), *network.folder.glob(f"{COORDINATOR}*.log")]
    return {str(p.relative_to(network.folder)): p.read_bytes() for p in files if p.is_file()}


def found_in(places: dict[str, bytes], needles: Haystack) -> dict[str, list[str]]:
    """Return for each place what is in it, without the places that are clean."""
    found = {place: needles.find(data) for place, data in places.items()}
    return {place: names for place, names in found.items() if names}


@pytest.fixture(scope="module")
def after_jobs(_session_network: SmallNetwork) -> SmallNetwork:
    """The network after everything that could let something slip."""
    network = _session_network
    network.mend()
    network.run("overlap")
    job = network.run("audience")
    network.publisher.post(f"/v1/audiences/{job}/activations")
    person = network.world.withdrawing
    body = {"email": person.email, "purpose": "audience-measurement", "recipient": "someone-else"}
    network.publisher.post(
        "/v1/consent/events", body | {"state": "refused"}, **{"Idempotency-Key": "learns-nothing"}
    )
    network.publisher.post("/v1/consent/explanations", body | {"operation": "psi"})
    network.run("overlap")
    for party in network.parties.values():
        party.download("/v1/ledger/export")
    return network


@pytest.fixture(scope="module")
def needles(after_jobs: SmallNetwork) -> Haystack:
    return Haystack([*secrets_of(after_jobs), *plaintexts()])


def test_the_coordinators_folder_and_all_traffic_name_nobody(
    after_jobs: SmallNetwork, needles: Haystack
) -> None:
    everybody_is_looked_for(after_jobs, needles)
    what_is_looked_for_would_be_found(after_jobs, needles)
    the_coordinators_folder_names_nobody(after_jobs, needles)
    captured_traffic_names_nobody(after_jobs, needles)


def the_coordinators_folder_names_nobody(after_jobs: SmallNetwork, needles: Haystack) -> None:
    files = folder_of(after_jobs)
    assert any(name.endswith("coordinator.db") for name in files)
    assert any(name.endswith("coordinator.db-wal") for name in files)
    assert sum(map(len, files.values())) > 100_000
    assert found_in(files, needles) == {}


def captured_traffic_names_nobody(after_jobs: SmallNetwork, needles: Haystack) -> None:
    traffic = after_jobs.proxy.traffic()
    assert len(traffic["sent"]) > 100_000
    assert len(traffic["received"]) > 100_000
    bodies = [
        e for e in after_jobs.proxy.exchanges if "/messages/" in e.target and e.method == "PUT"
    ]
    assert {e.party for e in bodies} == set(PARTIES)
    assert found_in(traffic, needles) == {}


@pytest.mark.slow
def test_the_coordinators_memory_names_nobody(after_jobs: SmallNetwork, needles: Haystack) -> None:
    memory = dump(after_jobs.coordinator.process.pid)
    if not memory:
        pytest.skip("this machine does not let a test read another process's memory")
    # The names of records are part of the program; what they hold is not.
    assert [name for name in needles.find(memory) if not name.startswith(RECORD)] == []


def what_is_looked_for_would_be_found(after_jobs: SmallNetwork, needles: Haystack) -> None:
    """Plant one of each form into the coordinator's own bytes: each is found, and nothing else."""
    draw = random.Random(7)
    person = after_jobs.world.withdrawing
    address = normalise_email(person.email)
    digest = hashlib.sha256(address.encode()).digest()
    matched = identifiers.digest("email", address)
    planted = {
        "the address": address.encode(),
        "the row key": person.key.encode(),
        "SHA-256": digest,
        "SHA-1 in hexadecimal": hashlib.sha1(address.encode()).hexdigest().encode(),
        "MD5 in capitals": hashlib.md5(address.encode()).hexdigest().upper().encode(),
        "the digest that is matched on": matched,
        "the same in hexadecimal": matched.hex().encode(),
        "SHA-256 inside a longer base64 text": base64.b64encode(b"\x01" + digest + b"\x02\x03"),
        "the address inside base64 for URLs": base64.urlsafe_b64encode(b"ab" + address.encode()),
        "a message body": b"\xa2psi-dh-blinded/1",
        "a noisy size in base64": base64.b64encode(b"..noisy-count/1"),
    }
    soil = folder_of(after_jobs)["coordinator/coordinator.db"]
    for what, data in planted.items():
        at = draw.randrange(len(soil))
        assert needles.find(soil[:at] + data + soil[at:]), what
    assert needles.find(soil) == []


def everybody_is_looked_for(after_jobs: SmallNetwork, needles: Haystack) -> None:
    """The search covers the files: about a hundred forms for each of about 1,900 rows."""
    rows = sum(len(side.keys) for side in after_jobs.world.sides.values())
    assert len(needles) > 100 * rows


def dump(pid: int) -> bytes:
    """Return the writable memory of a process, or nothing if the system does not allow it."""
    parts = []
    try:
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
                where, mode, *_ = line.split()
                if mode.startswith("rw") and not line.endswith("[vvar]"):
                    start, end = (int(x, 16) for x in where.split("-"))
                    memory.seek(start)
                    parts.append(memory.read(end - start))
    except OSError:
        return b""
    return b"".join(parts)
