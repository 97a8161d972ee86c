"""The table of `make bench-psi`: ratios beside their targets, and nothing is passed over."""

import sys
from pathlib import Path

from benchmarks.psi.peer import PEERS, mine
from benchmarks.psi.run import TARGETS, peer, table, warnings
from party_node.bench.asking import read

WAY = {
    "wall_seconds": 20.0,
    "cpu_seconds_both_parties": 35.0,
    "input_cpu_seconds_both_parties": 1.0,
    "peak_mib": {"receiver": 400, "sender": 300},
    "bytes": {"from_receiver": 32_000_000, "from_sender": 44_000_000},
    "backend": "multibuffer",
}
OURS = {"exact": True, "relay_over_direct": 1.3, "ways": {"relay": WAY}}
ECDH = {
    "wall_seconds": 22.0,
    "cpu_seconds_both_parties": 45.0,
    "peak_mib": {"receiver": 500, "sender": 500},
    "bytes": None,
    "exact": True,
}
FOUND = {
    "sizes": "1000000x1000000",
    "ours": {"psi-dh": OURS, "psi-ot": {"failed": "'psi-ot' is no protocol"}},
    "peers": {
        "spu-ecdh": ECDH,
        "spu-rr22": ECDH | {"exact": False},
        "openmined": {"not_installed": "openmined-psi"},
    },
    "missing": ["openmined"],
}


def lines(found=FOUND):
    return [" ".join(line.split()) for line in table(found)]


def test_a_ratio_stands_beside_its_target():
    assert "psi-dh ÷ spu-ecdh, CPU-s of both 0.800 0.9" in lines()
    assert "psi-dh: wall, relay ÷ direct 1.300 1.25 MISSED" in lines()
    assert "psi-dh: peak memory of a party, MiB 400.000 1000" in lines()


def test_a_target_counts_at_its_own_size_and_back_end_only():
    other = FOUND | {"sizes": "10000x10000"}
    assert "psi-dh ÷ spu-ecdh, CPU-s of both 0.800 –" in lines(other)
    slow = OURS | {"ways": {"relay": WAY | {"backend": "pynacl"}}}
    assert "psi-dh ÷ spu-ecdh, CPU-s of both 0.800 –" in lines(FOUND | {"ours": {"psi-dh": slow}})


def test_what_was_not_measured_is_said_and_has_no_figure():
    assert "openmined NOT INSTALLED: openmined-psi" in lines()
    assert "psi-ot NOT MEASURED: 'psi-ot' is no protocol" in lines()
    assert not any(line.startswith(("psi-ot ÷", "psi-dh ÷ openmined")) for line in lines())
    said = list(warnings(FOUND))
    assert said == [
        "NOT INSTALLED, and so not compared: openmined (openmined-psi)",
        "NOT EXACT: spu-rr22",
    ]


def test_a_peer_without_an_environment_or_its_package_is_not_installed(tmp_path):
    asked = read("10x10", "psi-dh", "relay", 0.4)
    assert "make bench-psi-peers" in peer(tmp_path / "python", "openmined", asked)["not_installed"]
    assert peer(Path(sys.executable), "spu-rr22", asked) == {"not_installed": "spu"}


def test_targets_are_about_peers_that_are_measured():
    assert {target.peer for target in TARGETS} <= PEERS.keys()


def test_the_made_up_sets_have_the_common_part():
    receiver, sender = (mine(receiving, (30, 20, 8)) for receiving in (True, False))
    assert (len(receiver), len(sender)) == (30, 20)
    assert set(receiver) & set(sender) == set(range(22, 30))
