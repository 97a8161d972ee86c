"""Flower's processes end with their parent, also while Flower is still starting threads in them."""

import subprocess
import sys

import pytest

STARTING = """\
import runpy, sys, threading
from {package} import flower

def starting(_parent):
    threading.Thread(target=threading.Event().wait).start()
    raise KeyboardInterrupt  # as Flower's monitor has it when the parent is gone

flower.{run} = starting
sys.argv = ["process", "1"]
runpy.run_module("{package}.{module}", run_name="__main__")
"""


@pytest.mark.parametrize(
    ("package", "module", "run"),
    [
        ("party_node.federated", "supernode_process", "run_supernode"),
        ("coordinator.federated", "superlink_process", "run_superlink"),
    ],
)
def test_a_parent_that_goes_while_it_starts_leaves_nothing_behind(
    package: str, module: str, run: str
) -> None:
    code = STARTING.format(package=package, module=module, run=run)
    ended = subprocess.run([sys.executable, "-c", code], timeout=120, check=False)
    assert ended.returncode == 130
