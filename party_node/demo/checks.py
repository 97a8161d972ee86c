"""What the demo compares: each check has a name, what was found, what the plain computation says,
and a verdict.
"""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison."""

    name: str
    found: Any
    expected: Any
    right: bool
    how: str
    """`equal`, or within which bounds."""


@dataclass(slots=True)
class Checks:
    """All comparisons of one demo."""

    done: list[Check] = field(default_factory=list)

    def equal(self, name: str, found: Any, expected: Any) -> Check:
        """Compare for equality."""
        return self._add(Check(name, found, expected, found == expected, "equal"))

    def within(self, name: str, found: int, expected: int, bound: int) -> Check:
        """Compare within a bound: noise of four or more standard deviations fails once in 15,000
        demos.
        """
        right = abs(found - expected) <= bound
        return self._add(Check(name, found, expected, right, f"within ±{bound}"))

    def true(self, name: str, found: object) -> Check:
        """Require something to hold."""
        return self._add(Check(name, bool(found), True, bool(found), "holds"))

    def _add(self, check: Check) -> Check:
        self.done.append(check)
        return check

    @property
    def all_right(self) -> bool:
        """True if every comparison came out as it should."""
        return all(check.right for check in self.done)

    def as_list(self) -> list[dict[str, Any]]:
        """Return all comparisons for the JSON object."""
        return [asdict(check) for check in self.done]
