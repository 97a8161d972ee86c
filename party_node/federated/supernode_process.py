"""Flower's SuperNode as a process of the party node: ends when the node does.

Started as `python -m party_node.federated.supernode_process <pid of the node> <options>`.
"""

import sys

from party_node.federated import flower

if __name__ == "__main__":
    parent = int(sys.argv.pop(1))
    flower.run_supernode(parent)
