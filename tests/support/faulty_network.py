"""A network that loses, repeats, swaps or damages messages, each by its number."""

from hypothesis import strategies as st

from tests.support.recorded import flipped

FAULTS = st.sampled_from(["lose", "repeat", "swap", "flip"])


class FaultyNetwork:
    """Carries the messages of one run; `faults` says which number suffers what."""

    def __init__(self, faults: dict[int, str]) -> None:
        self._faults, self._count = faults, 0
        self._held: dict[tuple[int, int], bytes] = {}

    def deliver(self, message: bytes) -> list[bytes]:
        """Return what arrives of the next message, where there are two parties."""
        return self.between(0, 1, message)

    def between(self, sender: int, to: int, message: bytes) -> list[bytes]:
        """Return what arrives of the next message, which goes from one party to another."""
        fault, way = self._faults.get(self._count), (sender, to)
        self._count += 1
        match fault:
            case "lose":
                return []
            case "repeat":
                return [message, message]
            case "flip":
                return [flipped(message, [8 * (len(message) - 1)])]
            case "swap" if way not in self._held:
                self._held[way] = message
                return []
            case _:
                return [message, self._held.pop(way)] if way in self._held else [message]
