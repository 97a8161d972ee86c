import pytest

from protocols.errors import InvalidParameter
from protocols.groups import choose_backend
from protocols.registry import REGISTRY, find


def test_every_protocol_is_found_under_its_own_name():
    assert set(REGISTRY) == {
        "psi-dh-members/1",
        "psi-dh-cardinality/2",
        "psi-dh-prepared/1",
        "psi-ot-members/1",
        "psi-ot-labelled/1",
        "sums-join-bfv/1",
        "sums-join-cot/1",
        "lookalike-bfv/2",
        "lookalike-cot/2",
        "joint-bfv/3",
        "joint-cot/3",
        "joint-again/2",
    }
    for name, protocol in REGISTRY.items():
        assert protocol.name == name
        assert find(name) is protocol


def test_a_protocol_is_found_on_a_back_end():
    pynacl = choose_backend("pynacl")
    protocol = find("psi-dh-members/1", pynacl)
    assert protocol.name == "psi-dh-members/1"
    assert protocol.step.args == (pynacl,)


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(
        InvalidParameter, match=r"psi-dh-cardinality/2, psi-dh-members/1, psi-dh-prepared/1"
    ):
        find("psi-dh-members/2")


def test_every_record_kind_is_unique():
    for protocol in REGISTRY.values():
        records = (protocol.params, *protocol.messages, *protocol.states, *protocol.outputs)
        assert len({record.KIND for record in records}) == len(records)
