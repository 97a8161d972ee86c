"""Which back end the settings give."""

import pytest

from party_node.errors import InvalidSettings
from party_node.settings import load
from party_node.workers import choosing
from protocols.errors import InvalidParameter
from protocols.ladder import choose_backend


@pytest.mark.parametrize("workers", ["auto", "threads"])
def test_threads_are_the_default_and_start_nothing(workers):
    assert choosing.backend_of("pynacl", workers) is choose_backend("pynacl")
    assert choosing.backend_of("auto").name == choose_backend("auto").name


def test_processes_are_shared_and_start_when_they_are_first_used():
    first, second = (choosing.backend_of("pynacl", "processes") for _ in range(2))
    assert first.name == "pynacl (processes)"
    assert first.spreads
    assert first.exact
    assert not choosing.backend_of("auto", "processes").exact
    assert choosing._pool("processes", "") is choosing._pool("processes", "")
    assert second.name == first.name


def test_another_word_is_refused():
    with pytest.raises(InvalidParameter):
        choosing.backend_of("auto", "everywhere")


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"ACCORD_NODE_WORKERS": "ray"}, "ray_address"),
        ({"ACCORD_NODE_WORKERS": "many"}, "workers"),
    ],
)
def test_settings_that_cannot_work_are_refused(tmp_path, given, wrong):
    path = tmp_path / "node.json"
    path.write_text('{"party": "brand", "name": "Brand"}')
    with pytest.raises(InvalidSettings, match=wrong):
        load(path, given)
    assert load(path, {}).workers == "auto"
    both = {"ACCORD_NODE_WORKERS": "ray", "ACCORD_NODE_RAY_ADDRESS": "local"}
    assert load(path, both).ray_address == "local"
