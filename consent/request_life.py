"""The life of a person's request: which steps follow which, and until when it must be answered.

    received ──► verified ──► completed
       │  └──► extended (once, before or after)
       └─────► refused, cancelled (until it has ended)

A request of which nobody knows whether the person themself asks is never fulfilled. Days are those
of the calendar in the controller's zone, and the last one counts to its end.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import tzinfo

from consent.errors import MalformedRecord
from consent.regimes import Regime
from consent.requests import RequestStatus
from consent.vocabulary import Vocabulary
from consent.wall_time import DAY_MS, first_instant, to_wall


@dataclass(frozen=True, slots=True)
class Life:
    """How far a request is."""

    verified: bool = False
    extended: bool = False
    ended: bool = False

    @property
    def possible(self) -> tuple[RequestStatus, ...]:
        """The steps that can be taken now, in the order of a life."""
        if self.ended:
            return ()
        steps = [] if self.verified else [RequestStatus.VERIFIED]
        steps += [] if self.extended else [RequestStatus.EXTENDED]
        steps.append(RequestStatus.REFUSED)
        steps += [RequestStatus.COMPLETED] if self.verified else []
        return (*steps, RequestStatus.CANCELLED)

    def after(self, step: RequestStatus) -> "Life":
        """Return how far it is after a step.

        Raises: MalformedRecord if the step cannot be taken now.
        """
        if step not in self.possible:
            raise MalformedRecord(f"this request cannot become {step.value} now")
        match step:
            case RequestStatus.VERIFIED:
                return replace(self, verified=True)
            case RequestStatus.EXTENDED:
                return replace(self, extended=True)
            case _:
                return replace(self, ended=True)


def strictest(vocabulary: Vocabulary, places: Iterable[str | None]) -> Regime:
    """Return the regime that asks for the soonest answer, of the places whose law applies.

    Places that nobody knows are None or empty; if none is known, any law may apply.
    """
    applying = [vocabulary.regime(place) for place in vocabulary.places(*places)]
    return min(applying, key=lambda r: (r.answer_days, r.extension_days))


def due_at(received_ms: int, days: int, zone: tzinfo) -> int:
    """Return the last millisecond of the day that is so many days after the day of receipt.

    Raises: MalformedRecord beyond the year 9999.
    """
    return end_of_day(to_wall(received_ms, zone) // DAY_MS + days, zone)


def end_of_day(day: int, zone: tzinfo) -> int:
    """Return the last millisecond of a day in a zone; days are counted from 1970-01-01.

    Raises: MalformedRecord beyond the year 9999.
    """
    return first_instant((day + 1) * DAY_MS, zone) - 1


def extended_by(regime: Regime, days: int | None) -> int:
    """Return by how many days an answer is put off: all that the regime allows if none are named.

    Raises: MalformedRecord if the regime does not allow it.
    """
    if not regime.extension_days:
        raise MalformedRecord(f"{regime.regime_id} knows no extension")
    wanted = regime.extension_days if days is None else days
    if not 1 <= wanted <= regime.extension_days:
        raise MalformedRecord(f"{regime.regime_id} allows 1 to {regime.extension_days} more days")
    return wanted
