import dataclasses

import pytest

from party_node.bench import asking, setting_up, words
from party_node.bench.asking import Asked, Way, read
from party_node.surface_errors import BenchRefused
from protocols.collaboration_terms import PROTOCOLS_OF_KIND


def test_sizes_are_the_receivers_and_the_senders():
    found = read("1_000x200", "psi-dh", "both", 0.4)
    wanted = Asked(1000, 200, 80, "psi-dh-members/1", (Way.RELAY, Way.DIRECT))
    assert found == wanted
    assert found.kind == "audience"


@pytest.mark.parametrize(
    "sizes", ["", "10", "10x", "x10", "10x10x10", "-1x5", "1e3x5", "9999999999x1"]
)
def test_what_is_no_pair_of_sizes_is_refused(sizes):
    with pytest.raises(BenchRefused):
        read(sizes, "psi-dh", "both", 0.4)


@pytest.mark.parametrize("common", [-0.1, 1.1, float("nan")])
def test_a_part_beyond_the_whole_is_refused(common):
    with pytest.raises(BenchRefused):
        read("10x10", "psi-dh", "both", common)


@pytest.mark.parametrize(("through", "ways"), [("relay", (Way.RELAY,)), ("direct", (Way.DIRECT,))])
def test_one_way_alone(through, ways):
    assert read("10x10", "psi-dh", through, 1.0).ways == ways


def test_another_way_is_refused():
    with pytest.raises(BenchRefused, match="no way"):
        read("10x10", "psi-dh", "carrier-pigeon", 0.4)


def test_short_names_mean_the_members_and_whole_names_themselves():
    assert asking.named("psi-dh") == "psi-dh-members/1"
    for name in PROTOCOLS_OF_KIND["overlap"] | PROTOCOLS_OF_KIND["audience"]:
        assert asking.named(name) == name


def test_every_protocol_that_is_measured_has_parameters_for_two_sets():
    for kind in ("overlap", "audience"):
        for name in PROTOCOLS_OF_KIND[kind]:
            asked = Asked(1000, 200, 80, asking.named(name), (Way.RELAY,))
            assert setting_up.params_for(asked).chunk_items > 0


@pytest.mark.parametrize(
    ("protocol", "command"),
    [
        ("sums-join-bfv/1", "accord bench sums"),
        ("sums-join-cot/1", "accord bench sums"),
        ("sums-join-cot", "accord bench sums"),
        ("lookalike-bfv/2", "accord bench lookalike"),
    ],
)
def test_what_does_more_than_match_is_refused_with_the_command_that_measures_it(protocol, command):
    with pytest.raises(BenchRefused, match="accord bench psi") as refused:
        asking.named(protocol)
    assert refused.value.hint == f"measure it by: {command}"


def test_an_unknown_protocol_is_refused_with_the_known_ones():
    with pytest.raises(BenchRefused) as refused:
        asking.named("psi-magic")
    assert "psi-dh-members/1" in refused.value.hint


WAY = {
    "wall_seconds": 2.5,
    "cpu_seconds_both_parties": 3.0,
    "cpu_seconds": {"receiver": 1.0, "sender": 2.0, "coordinator": 0.5},
    "peak_mib": {"receiver": 190, "sender": 180},
    "bytes": {"from_receiver": 6_000_000, "from_sender": 9_000_000},
    "matched": 80,
    "exact": True,
}


def found(**changes):
    direct = WAY | {"cpu_seconds": {"receiver": 1.0, "sender": 2.0}}
    sizes = dataclasses.asdict(read("300x200", "psi-dh", "both", 0.4))
    return sizes | {"ways": {"relay": WAY | changes, "direct": direct}, "relay_over_direct": 1.1}


def test_figures_have_a_cell_for_each_way():
    rows = {row[0].strip(): row[1:] for row in words.rows(found())}
    assert rows["wall seconds"] == ["2.50", "2.50"]
    assert rows["coordinator, beside them"] == ["0.50", "–"]
    assert rows["MB to the sender"] == ["6.00", "6.00"]
    assert rows["wall, relay ÷ direct"] == ["1.10", ""]
    assert words.heading(found()) == "psi-dh-members/1, 300 × 200, 80 in both"


def test_a_wrong_result_stands_out():
    rows = {row[0].strip(): row[1:] for row in words.rows(found(exact=False))}
    assert rows["exact"] == ["NO", "yes"]
