"""Flower's SuperLink as a process of the coordinator: ends when the coordinator does.

Started as `python -m coordinator.federated.superlink_process <pid of the coordinator> <options>`.
"""

import sys

from coordinator.federated import flower

if __name__ == "__main__":
    parent = int(sys.argv.pop(1))
    flower.run_superlink(parent)
