"""`python -m party_node`: the command `accord`."""

from party_node.cli.main import main

main()
