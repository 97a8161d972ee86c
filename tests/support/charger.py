"""A process that charges a budget again and again, and says each charge that was acknowledged.

Arguments: the home folder, how its jobs begin, how many, what each costs, the limit.
"""

import sys
from pathlib import Path

from party_node.budgets import Budgets
from protocols.errors import BudgetExceeded
from tests.support.node import reopen_storage


def main(home: str, prefix: str, jobs: int, rho_nano: int, limit_nano: int) -> None:
    budgets = Budgets(reopen_storage(Path(home)).db)
    say("ready")
    sys.stdin.readline()
    for number in range(jobs):
        job = f"{prefix}{number}"
        try:
            budgets.charge(job, "spring", "shop", "noisy-size", rho_nano, limit_nano, 0)
        except BudgetExceeded:
            continue
        say(job)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
