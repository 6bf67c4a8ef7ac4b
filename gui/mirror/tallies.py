"""How sure the part separation was of its notes, and who decided: tallies for the graphs. [main]"""

from __future__ import annotations

from gui.mirror.notes import Bar

BINS = 20


class Tallies:
    """Counts the notes the network gave a part, by its confidence; and all of them by how."""

    def __init__(self) -> None:
        self.confidence = [0] * BINS
        self.how: dict[str, int] = {}

    def feed(self, bars: list[Bar]) -> None:
        """Notes that began since the last time, oldest first. [main]"""
        for bar in bars:
            self.how[bar.how] = self.how.get(bar.how, 0) + 1
            if bar.how == "network":
                place = min(BINS - 1, max(0, int(bar.confidence * BINS)))
                self.confidence[place] += 1

    def bins(self) -> tuple[tuple[float, int], ...]:
        """Pairs of a percentage and a count, where any. [main]"""
        width = 100.0 / BINS
        return tuple((i * width, n) for i, n in enumerate(self.confidence) if n)
