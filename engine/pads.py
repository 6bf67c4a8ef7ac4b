"""The pads of a rig as the main thread has them: what planes and paths the callback was given.

A part that plays a morph sound has the sound's plane and trajectory, or a course of the player's
own instead: recorded from the puck, or drawn from a file's labels. The record the callback reads is
made before it is needed, and kept until the callback says that it reads a newer one. [main]
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from engine.inbox import Inbox
from engine.morph_paths import Label
from engine.morph_sounds import INTERPOLATIONS, MODES, Anchor, MorphSound, MorphSoundError
from engine.pad_records import pad_record
from engine.rt import layout
from engine.rt import pad_memory as pm
from models.morph.voice_model import MorphModel

POINTS, LABELS, INTERPOLATION = "morph_points", "morph_labels", "morph_interpolation"
COURSE = (POINTS, LABELS, INTERPOLATION)  # keys of a part in a rig's file
MOST_LABELS, LONGEST_LABELS_S = 4096, 6 * 3600.0


@dataclass(frozen=True)
class Course:
    """What the player gave a part instead of its sound's own trajectory and interpolation. [any]"""

    points: tuple[tuple[float, float, float], ...] = ()  # (seconds, x, y)
    labels: tuple[Label, ...] = ()
    interpolation: str = ""  # empty: the sound's

    def __post_init__(self) -> None:
        if self.interpolation not in ("", *INTERPOLATIONS):
            raise MorphSoundError(
                f"{INTERPOLATION} = {self.interpolation!r} must be one of "
                f"{', '.join(INTERPOLATIONS)}"
            )

    def of(self, sound: MorphSound) -> MorphSound:
        """The sound with this course in it. MorphSoundError if the points are no trajectory."""
        changes: dict[str, Any] = {"interpolation": self.interpolation or sound.interpolation}
        if self.points:
            changes |= {"trajectory": self.points, "trajectory_unit": "seconds"}
        return dataclasses.replace(sound, **changes)

    def table(self) -> dict[str, Any]:
        """What a rig's file holds of it; nothing of what is not given. [any]"""
        table: dict[str, Any] = {}
        if self.points:
            table[POINTS] = [list(point) for point in self.points]
        if self.labels:
            table[LABELS] = [[one.seconds, one.instrument, one.dynamics] for one in self.labels]
        if self.interpolation:
            table[INTERPOLATION] = self.interpolation
        return table


NO_COURSE = Course()


def course_of(table: dict[str, Any]) -> Course:
    """The course that a rig's file describes; other keys are passed over. MorphSoundError. [any]"""
    labels = table.get(LABELS, ())
    if not isinstance(labels, list | tuple) or len(labels) > MOST_LABELS:
        raise MorphSoundError(f"{LABELS} must be a list of at most {MOST_LABELS} labels")
    found = []
    for one in labels:
        good = isinstance(one, list | tuple) and len(one) == 3 and isinstance(one[1], str)
        if not good or not (_is_number(one[0], LONGEST_LABELS_S) and _is_number(one[2], 1.0)):
            raise MorphSoundError(
                f"{LABELS}: {one!r:.60} must be [seconds, instrument, dynamics 0 to 1]"
            )
        found.append(Label(float(one[0]), one[1], float(one[2])))
    points = table.get(POINTS, ())
    if points:
        checked = MorphSound("", "-", anchors=(Anchor("-"),), trajectory=points)
        points = checked.trajectory
    return Course(tuple(points), tuple(found), str(table.get(INTERPOLATION, "")))


def pad_settings(sound: MorphSound) -> dict[str, float]:
    """The engine's parameters of a part as a sound has them. [any]"""
    return {
        "morph_x": sound.puck.x,
        "morph_y": sound.puck.y,
        "morph_mode": float(MODES.index(sound.mode)),
        "morph_texture": sound.texture,
        "morph_play": float(sound.plays),
        "morph_loop": float(sound.loop),
    }


@dataclass(frozen=True)
class Puck:
    """Where a part's puck is, what the anchors weigh there, and what moves it. [any]"""

    x: float
    y: float
    weights: tuple[float, ...]
    recording: bool


class Pads:
    """The records of one rig's pads. See the module."""

    def __init__(self, rig: SimpleNamespace) -> None:
        self._rig = rig
        self._serial = 0
        self._kept: list[tuple[int, int, np.ndarray]] = []  # part, serial, record
        self._ready: dict[int, tuple[tuple[MorphSound, Course], np.ndarray]] = {}
        self._given: dict[int, tuple[MorphSound, Course]] = {}
        self._courses: dict[int, Course] = {}

    def prepare(self, part: int, sound: MorphSound, model: MorphModel) -> None:
        """Make the record of a part's sound, if it is another than it has. [main]

        A course stays with the sound it was made for. MorphSoundError if it does not suit it.
        """
        wanted = (sound, self.course(part) if sound == self.sound(part) else NO_COURSE)
        if wanted == self._given.get(part) or wanted == self._ready.get(part, (None,))[0]:
            return
        self._serial += 1
        course = wanted[1]
        record = pad_record(course.of(sound), model, course.labels, self._serial)
        self._ready[part] = (wanted, record)

    def give(self, inbox: Inbox, part: int, fresh: bool, frame: int | None) -> None:
        """Hand over what was prepared; `fresh`: for a sound that no voice plays yet. [main]"""
        self.sweep()
        if part not in self._ready:
            return
        wanted, record = self._ready.pop(part)
        self._given[part] = wanted
        self._courses[part] = wanted[1]
        self._kept.append((part, int(record["serial"][0]), record))
        inbox.command(layout.TAKE_PAD, int(fresh), part, float(record.ctypes.data), frame)

    def course(self, part: int) -> Course:
        """The player's own course of a part, or none. [any]"""
        return self._courses.get(part, NO_COURSE)

    def set_course(self, part: int, course: Course) -> None:
        """Another course, from the next `prepare` and `give` on. [main]"""
        self._courses[part] = course

    def sound(self, part: int) -> MorphSound | None:
        """The sound a part's pad was given last. [any]"""
        return self._given[part][0] if part in self._given else None

    def puck(self, part: int) -> Puck:
        """Where a part's puck is now. [any]"""
        pad = self._rig.pads[part]
        sound = self.sound(part)
        count = len(sound.anchors) if sound else 0
        weights = tuple(round(float(w), 4) for w in pad["weights"][:count])
        return Puck(float(pad["x"]), float(pad["y"]), weights, bool(pad["recording"]))

    def recorded(self, part: int, count: int) -> tuple[np.ndarray, float]:
        """The first `count` recorded places (count, 2), and the seconds between them. [main]

        Only before the next recording of this part begins.
        """
        seconds = pm.RECORD_EVERY * pm.CONTROL_FRAMES / float(self._rig.state[0]["rate_hz"])
        return self._rig.pad_recorded[part, :count].copy(), seconds

    def sweep(self) -> None:
        """Let go of the records that the callback has left for newer ones. [main]"""
        self._kept = [
            (part, serial, record)
            for part, serial, record in self._kept
            if serial >= self._in_force(part)
        ]

    @property
    def records(self) -> int:
        """How many records are kept. [any]"""
        return len(self._kept)

    def _in_force(self, part: int) -> int:
        return int(self._rig.pads[part]["serial"])


def _is_number(value: Any, most: float) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 <= value <= most
