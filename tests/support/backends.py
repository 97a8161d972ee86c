"""The back ends that work on this machine, as parameters of a test."""

import pytest

from protocols import multibuffer
from protocols.groups import choose_backend

BACKENDS = [
    pytest.param(choose_backend("pynacl"), id="pynacl"),
    pytest.param(
        choose_backend("auto"),
        id="multibuffer",
        marks=pytest.mark.skipif(
            multibuffer.load() is None, reason="the multi-buffer library does not work here"
        ),
    ),
]
