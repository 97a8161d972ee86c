"""`python -m coordinator.witness_node`: the same as `accord-witness`."""

from coordinator.witness_node.cli import main

main()
