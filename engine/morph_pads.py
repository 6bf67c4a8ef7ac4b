"""The pads as a session has them: sounds and courses of the parts, recording, what remotes see.

What a row of the address table does to a pad that is no parameter of the engine is here. [any]
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from engine.ensembles import Ensemble
from engine.errors import RipienoError
from engine.interchange.scores import read_score
from engine.morph_paths import labels_of, thinned
from engine.morph_sounds import (
    KIND,
    MODES,
    MorphSound,
    MorphSoundError,
    Point,
    list_morph_sounds,
    save_morph_sound,
)
from engine.pads import NO_COURSE, Course, course_of, pad_settings
from engine.paths import config_folder
from engine.rt.layout import PAD_RECORDED

CLOSE_ENOUGH = 0.004  # of the plane, between what was recorded and what is kept


class MorphPads:
    """The pads of a session's parts. `ensemble` says who plays; `changed` is told of news."""

    def __init__(
        self,
        engine: Any,
        ensemble: Callable[[], Ensemble],
        say: Callable[[str], None],
        changed: Callable[[], None],
        lock: AbstractContextManager,
    ) -> None:
        self._engine, self._ensemble = engine, ensemble
        self._say, self._changed, self._lock = say, changed, lock

    # ---- sounds ----------------------------------------------------------------------------

    def sound(self, part: int) -> MorphSound | None:
        """The morph sound a part plays; None if it plays another kind of sound. [any]"""
        playing = self._ensemble().parts[part].sound == "morph"
        return self._engine.pads.sound(part) if playing else None

    def name(self, part: int) -> str:
        """The id or file of that sound, "" for none. [any]"""
        playing = self._ensemble().parts[part]
        return playing.morph if playing.sound == "morph" else ""

    def usual(self, part: int) -> dict[str, float]:
        """A part's parameters as its morph sound has them; nothing without one. [any]"""
        sound = self.sound(part)
        return pad_settings(sound) if sound else {}

    def save(self, part: int, name: str) -> Path:
        """Write a part's sound, as it is now, among the user's own under a name. [worker]"""
        sound = self._needed(part)
        get = self._engine.get
        course = self._engine.pads.course(part)
        if course.labels:
            raise MorphSoundError(
                f"part {part + 1}: a trajectory drawn from a file's labels is kept in rigs, not in "
                "sounds"
            )
        sound = dataclasses.replace(
            course.of(sound),
            name=name,
            puck=Point(get("morph_x", part), get("morph_y", part)),
            mode=MODES[int(get("morph_mode", part))],
            texture=get("morph_texture", part),
            plays=bool(get("morph_play", part)),
            loop=bool(get("morph_loop", part)),
        )
        return save_morph_sound(sound, config_folder() / KIND)

    # ---- courses ---------------------------------------------------------------------------

    def interpolation(self, part: int) -> str:
        """How the points of a part's trajectory are joined. [any]"""
        sound = self.sound(part)
        return self._engine.pads.course(part).interpolation or (
            sound.interpolation if sound else "linear"
        )

    def interpolate(self, part: int, word: str) -> None:
        """Join them so. [any]"""
        course = self._engine.pads.course(part)
        self._set(part, dataclasses.replace(course, interpolation=word))

    def draw(self, part: int, path: str) -> None:
        """Let the trajectory go through the instruments and velocities of a file. [worker]"""
        self._needed(part)
        labels = labels_of(read_score(path))
        interpolation = self._engine.pads.course(part).interpolation
        try:
            self._set(part, Course((), tuple(labels), interpolation))
        except MorphSoundError as error:
            raise MorphSoundError(f"{path}: {error}") from error

    def recording(self, part: int) -> int:
        """1 while a part's puck is recorded. [any]"""
        return int(self._engine.pads.puck(part).recording)

    def record(self, part: int, on: int) -> None:
        """Record a part's puck as its trajectory, from now on or no longer. [any]"""
        self._needed(part)
        self._engine.record_puck(part, bool(on))

    def feed(self, results: np.ndarray) -> None:
        """Make trajectories of what the callback has recorded. [main]"""
        for result in results[results["kind"] == PAD_RECORDED]:
            part, count = int(result["part"]), int(result["note"])
            places, seconds = self._engine.pads.recorded(part, count)
            if count < 2:
                self._say(f"Part {part + 1}: nothing was recorded of the puck.")
                continue
            points = tuple(thinned(places, seconds, CLOSE_ENOUGH))
            interpolation = self._engine.pads.course(part).interpolation
            self._set(part, Course(points, (), interpolation))
            self._say(f"Part {part + 1}: {seconds * (count - 1):.1f} s of the puck are recorded.")

    def forget(self) -> None:
        """Other players: no part has a course of its own any more. [any]"""
        for part in range(len(self._ensemble().parts)):
            if self._engine.pads.course(part) == NO_COURSE:
                continue
            if self.sound(part) is None:
                self._engine.pads.set_course(part, NO_COURSE)
            else:
                self._set(part, NO_COURSE)

    def course(self, part: int) -> dict[str, Any]:
        """What a rig's file holds of a part's course. [any]"""
        return self._engine.pads.course(part).table() if self.sound(part) else {}

    def set_course(self, part: int, table: dict[str, Any]) -> None:
        """The course that a rig's file describes; where it cannot be, that is said. [worker]"""
        try:
            self._set(part, course_of(table))
        except RipienoError as error:
            self._say(f"Part {part + 1}: {error}.")

    def _set(self, part: int, course: Course) -> None:
        with self._lock:
            self._engine.set_course(part, course)
        self._changed()

    def _needed(self, part: int) -> MorphSound:
        sound = self.sound(part)
        if sound is None:
            raise MorphSoundError(
                f"part {part + 1} plays no morph sound: give it one by "
                f"/ripieno/part/{part + 1}/morph/sound"
            )
        return sound

    # ---- what remotes see --------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """The parts' planes, ready for JSON. [any]"""
        return {"parts": [self._part(part) for part in range(len(self._ensemble().parts))]}

    def _part(self, part: int) -> dict[str, Any] | None:
        sound = self.sound(part)
        if sound is None:
            return None
        puck, course = self._engine.pads.puck(part), self._engine.pads.course(part)
        played = course.of(sound)
        return {
            "sound": self.name(part),
            "name": sound.name,
            "description": sound.description,
            "anchors": [dataclasses.asdict(anchor) for anchor in sound.anchors],
            "sources": [dataclasses.asdict(source) for source in sound.sources],
            "puck": {"x": round(puck.x, 4), "y": round(puck.y, 4)},
            "weights": list(puck.weights),
            "trajectory": [] if course.labels else [list(point) for point in played.trajectory],
            "trajectory_of": _origin(course, sound),
            "trajectory_unit": played.trajectory_unit,
            "interpolation": played.interpolation,
            "record": int(puck.recording),
        }


def _origin(course: Course, sound: MorphSound) -> str:
    """Where a part's trajectory comes from: labels, the puck, its sound, or "" for none."""
    if course.labels:
        return "labels"
    if course.points:
        return "puck"
    return "sound" if sound.trajectory else ""


def sounds() -> dict[str, Any]:
    """All morph sounds with what there is to choose by, ready for JSON. [worker]"""
    found, complaints = list_morph_sounds()
    return {
        "sounds": [
            {
                **{key: getattr(sound, key) for key in ("id", "name", "description", "tags")},
                "anchors": [anchor.instrument for anchor in sound.anchors],
            }
            for sound in found
        ],
        "complaints": complaints,
    }
