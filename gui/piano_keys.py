"""The computer's keyboard as a piano, in Ableton's layout: two rows, white keys below black. [any]

A W S E D F T G Y H U J K O L P go up from C; Z and X move an octave, C and V change the velocity.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

LAYOUT = {key: step for step, key in enumerate("awsedftgyhujkolp")}
OTHER_KEYS = frozenset("zxcv")


@dataclass
class PianoKeys:
    """Turns keys that go down and up into notes: `send` gets pitch and velocity, 0 for up."""

    send: Callable[[int, int], None]
    base: int = 60
    velocity: int = 80
    down: dict[str, int] = field(default_factory=dict)

    def press(self, key: str) -> bool:
        """A key goes down; True if it belongs to the piano. [main]"""
        key = key.lower()
        if key in OTHER_KEYS:
            octave = {"z": -12, "x": 12}.get(key, 0)
            self.base = min(108, max(0, self.base + octave))
            self.velocity = min(127, max(1, self.velocity + {"c": -16, "v": 16}.get(key, 0)))
            return True
        if key not in LAYOUT:
            return False
        pitch = self.base + LAYOUT[key]
        if key not in self.down and pitch <= 127:
            self.down[key] = pitch
            self.send(pitch, self.velocity)
        return True

    def release(self, key: str) -> bool:
        """A key comes up; what it began ends, whatever moved in between. [main]"""
        pitch = self.down.pop(key.lower(), None)
        if pitch is None:
            return False
        if pitch not in self.down.values():
            self.send(pitch, 0)
        return True

    def release_all(self) -> None:
        """Nothing is held any more: the window lost the keyboard's focus. [main]"""
        for key in list(self.down):
            self.release(key)
