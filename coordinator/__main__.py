"""`python -m coordinator`: the command `accord-coordinator`."""

from coordinator.cli import main

main()
