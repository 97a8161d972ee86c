"""A process that reserves two contacts, says their tokens, and is killed before it says more.

The first is committed, the second is not. Arguments: the database URL.
"""

import sys

from consent.durations import Duration
from consent.frequency import Basis, FrequencyCap
from party_node.contact.counters import Counter
from party_node.contact.reservations import Reservation, Reservations
from party_node.database import Database
from party_node.vault import Vault
from tests.support.node import START_MS

COUNTER = Counter(7, "email", "news")
CAPS = [FrequencyCap(2, Duration(days=1), Basis.ROLLING)]
TTL_MS = 60_000
KEK = bytes(32)


def main(url: str) -> None:
    db, reservations = Database(url), Reservations(Vault(KEK))
    for last in (False, True):
        with db.writing() as session:
            held = reservations.reserve(session, COUNTER, CAPS, START_MS, None, TTL_MS)
            assert isinstance(held, Reservation)
            if last:
                say(held.token)
                sys.stdin.read()
        say(held.token)


def say(token: str) -> None:
    sys.stdout.write(f"{token}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
