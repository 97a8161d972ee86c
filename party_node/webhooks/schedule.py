"""When a delivery is tried again, and when it is given up.

    after failure    1    2    3     4     5     6   7   8   9 … 13
    wait about      5 s  30 s  2 min 10 min 30 min 1 h 3 h 6 h 12 h each

Fourteen attempts in about three days. Each wait is up to a tenth shorter or longer, so that what
failed together does not come back together. A receiver that fails is also left alone as a whole:
as long as the wait of its failures in a row, but at most five minutes, and then one message tries.
"""

import email.utils
import re

from protocols.session import Rng

SECOND_MS = 1_000
DAY_MS = 86_400_000

WAITS_SECONDS = (5, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, *(43_200,) * 5)
LONGEST_HOLD_MS = 300 * SECOND_MS
LONGEST_RETRY_AFTER_MS = 3_600 * SECOND_MS
"""A receiver may ask for so much patience and no more."""
DISABLE_AFTER_MS = 3 * DAY_MS
"""A receiver that has failed for so long without one success is not called any more."""
GIVE_UP_AFTER_MS = 30 * DAY_MS
"""So long a message waits for a webhook that is paused or disabled."""
KEEP_LOG_MS = 14 * DAY_MS
"""So long it can be looked up how a delivery ended."""
LONGEST_WAIT_MS = WAITS_SECONDS[-1] * SECOND_MS * 11 // 10
OVERLAP_HOURS, LONGEST_OVERLAP_HOURS = 24, 168
"""So long a replaced secret goes on signing, unless somebody says otherwise."""

_JITTER = 10
"""One part in so many."""
_SECONDS = re.compile(r"[0-9]{1,9}")


def wait_ms(failures: int, rng: Rng) -> int | None:
    """Return how long to wait after that many failures of one message; None to give up."""
    if not 1 <= failures <= len(WAITS_SECONDS):
        return None
    wait = WAITS_SECONDS[failures - 1] * SECOND_MS
    spread = 2 * wait // _JITTER
    return wait - wait // _JITTER + int.from_bytes(rng(8), "big") % (spread + 1)


def hold_ms(failures: int, rng: Rng) -> int:
    """Return how long a receiver is left alone after that many failures in a row."""
    wait = wait_ms(min(failures, len(WAITS_SECONDS)), rng)
    return min(LONGEST_HOLD_MS, wait or 0)


def retry_after_ms(header: str, now_ms: int) -> int:
    """Return how much patience a `Retry-After` header asks for, within the bound; 0 for nonsense.

    It holds whole seconds or a date (RFC 9110, section 10.2.3).
    """
    text = header.strip()
    if _SECONDS.fullmatch(text):
        asked = int(text) * SECOND_MS
    else:
        try:
            asked = round(email.utils.parsedate_to_datetime(text).timestamp() * 1000) - now_ms
        except (ValueError, OverflowError, IndexError):
            return 0
    return max(0, min(asked, LONGEST_RETRY_AFTER_MS))
