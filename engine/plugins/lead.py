"""How far behind the callback reads what plugins made: as little as has proved to be enough. [any]

A host that is late again and again needs more lead and gets it at once; one stall in a minute is
the system's hiccup, which no lead would have cured, and is let pass. Room that was never needed is
given back slowly, and more slowly after every miss; it comes back with the first.
"""

from __future__ import annotations

from dataclasses import dataclass

STEP = 64  # frames; hosts work in pieces of as many
FADE = 64  # frames the callback wants to have beyond its block
SPARE_S = 0.0025  # a host's delay that the first guess allows for
PATIENCE_S = 10.0
STALL_S = 0.8  # misses so shortly after each other have one cause
FORGIVEN_S = 60.0  # after a stall the next one is none that stands alone
LONGEST_PATIENCE_S = 160.0
MOST = 63 * STEP


@dataclass
class Lead:
    """The lead of one chain, in frames."""

    frames: int
    least: int
    comfort: int  # with so many frames of room always left, some of it is given back
    patience_s: float = PATIENCE_S
    _given_back: int = 0  # what was given back last, if nothing was missed since
    _rise: int = STEP  # what the last stall added; the next adds more if it comes soon
    _missed_s: float = float("-inf")  # when the last stall was noticed
    _since_s: float | None = None  # since when there has been room
    _room: int = 0  # the least there was since then

    @classmethod
    def first(cls, block_frames: int, rate_hz: int) -> Lead:
        """A first guess for a stream in blocks of so many frames. [any]"""
        least = least_lead(block_frames)
        return cls(whole_steps(least + SPARE_S * rate_hz), least, whole_steps(block_frames + STEP))

    def update(self, misses: int, headroom_frames: int | None, now_s: float) -> bool:
        """Take in what happened since last time; whether `frames` is another now. [any]

        `headroom_frames`: the smallest room left since then, None if nothing was heard.
        """
        before = self.frames
        if misses:
            self._miss(now_s)
        elif headroom_frames is None:
            pass
        elif headroom_frames < self.comfort:
            self._since_s = None
        elif self._since_s is None:
            self._since_s, self._room = now_s, headroom_frames
        else:
            self._room = min(self._room, headroom_frames)
            if now_s - self._since_s >= self.patience_s:
                spare = (self._room - STEP) // 2 // STEP * STEP  # half of it, lest it be too much
                self.frames = max(self.frames - max(spare, STEP), self.least)
                self._given_back = before - self.frames
                self._since_s = None
        return self.frames != before

    def _miss(self, now_s: float) -> None:
        self._since_s = None
        ago_s = now_s - self._missed_s
        if ago_s < STALL_S:
            return
        self._missed_s = now_s
        self.patience_s = min(2.0 * self.patience_s, LONGEST_PATIENCE_S)
        alone = ago_s > FORGIVEN_S
        if alone:
            self._rise = STEP // 2
        else:
            self._rise = min(2 * self._rise, 8 * STEP) if ago_s < PATIENCE_S else STEP
        self.frames = min(self.frames + max(0 if alone else self._rise, self._given_back), MOST)
        self._given_back = 0


def least_lead(block_frames: int) -> int:
    """What the callback needs if the host takes no time at all. [any]"""
    return whole_steps(block_frames + FADE + STEP)


def whole_steps(frames: float) -> int:
    """So many frames, rounded up to whole steps. [any]"""
    return int(-(-frames // STEP)) * STEP
