"""Flower's SuperLink as a process of the coordinator: ends when the coordinator does.

Started as `python -m coordinator.federated.superlink_process <pid of the coordinator> <options>`.
"""

import os
import sys

from coordinator.federated import flower

if __name__ == "__main__":
    parent = int(sys.argv.pop(1))
    try:
        flower.run_superlink(parent)
    except KeyboardInterrupt:
        # The parent went while Flower was starting: threads that it has begun by then would keep
        # this process for ever.
        os._exit(130)
