"""How good a common model can get, told before it is asked for: by its noise, and by what was
measured.

The noise of a count follows from the question and the number of partners. What it leaves of a model
hangs on how many people there are for it. `docs/concepts/federated.md` has the 33 labels that this
is read off: at epsilon 1, three partners, two rounds.
"""

import dataclasses
import math
from typing import Any

from protocols.federated import noise
from protocols.federated.asked import LEAST_SIZE, Federated, params_for, terms_for
from protocols.job import JobDescription
from protocols.lookalike.sums import REFERENCE_NANO

WANTED = 20_000
"""People of all partners together with whom a model was mostly within 1 % of one without noise."""
_PARTNERS = 3
"""As it was measured; at the reference price, of all rounds together."""


def ahead(job: JobDescription, asked: Federated) -> dict[str, Any]:
    """Return a forecast as a document: what is said before anything is asked of anybody."""
    partners = job.parties()
    # Noise hangs on no threshold, and another party's may fit nothing: that is said elsewhere.
    params = dataclasses.replace(params_for(asked), threshold=0)
    terms = terms_for(job, params, dict.fromkeys(partners, LEAST_SIZE))
    # Noise adds up over partners, and shrinks with the root of the price.
    times = math.sqrt(len(partners) / _PARTNERS * REFERENCE_NANO / asked.price)
    return {
        "noise_people": round(noise.people(terms), 1),
        "people_wanted": _rounded(WANTED * times),
        "cautions": [],
    }


def _rounded(number: float) -> int:
    """Return a number with two digits that count: it is no more exact than that."""
    size: int = 10 ** max(math.floor(math.log10(number)) - 1, 0)
    return round(number / size) * size
