"""Flower's SuperNode as a process of the party node: ends when the node does.

Started as `python -m party_node.federated.supernode_process <pid of the node> <options>`.
"""

import os
import sys

from party_node.federated import flower

if __name__ == "__main__":
    parent = int(sys.argv.pop(1))
    try:
        flower.run_supernode(parent)
    except KeyboardInterrupt:
        # The parent went while Flower was starting: threads that it has begun by then would keep
        # this process for ever.
        os._exit(130)
