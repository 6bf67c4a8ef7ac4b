"""The planes of parts with morph sounds, as the engine tells of them. [any]"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

TRAIL = 60  # places a trail remembers
AXES = {"x": "left and right", "y": "up and down"}
CONTROLLERS = {1: "the modulation wheel", 2: "breath", 4: "the foot pedal", 11: "expression"}


@dataclass(frozen=True)
class Anchor:
    """An instrument on the plane; y grows upwards."""

    instrument: str
    dynamics: float
    x: float
    y: float


@dataclass(frozen=True)
class Pad:
    """One part's plane. `moves` says in words what moves the puck."""

    sound: str = ""
    name: str = ""
    description: str = ""
    anchors: tuple[Anchor, ...] = ()
    moves: tuple[str, ...] = ()
    trajectory: tuple[tuple[float, float], ...] = ()
    trajectory_of: str = ""  # labels, puck, sound or nothing

    @property
    def texts(self) -> tuple[str, ...]:
        """The anchors' names, with dynamics where an instrument is there more than once. [any]"""
        names = [anchor.instrument for anchor in self.anchors]
        return tuple(
            f"{a.instrument}, {loudness(a.dynamics)}"
            if names.count(a.instrument) > 1
            else a.instrument
            for a in self.anchors
        )


class Trail:
    """Where a puck was lately, newest last. [main]"""

    def __init__(self) -> None:
        self.places: deque[tuple[float, float]] = deque(maxlen=TRAIL)

    def add(self, x: float, y: float) -> bool:
        """One place more; whether the trail looks different now. [main]"""
        still = len(self.places) > 1 and len(set(self.places)) == 1 and self.places[-1] == (x, y)
        self.places.append((x, y))
        return not still


def read(section: dict[str, Any]) -> tuple[Pad | None, ...]:
    """The state's section, a part each; None for one that plays no morph sound. [any]"""
    return tuple(_pad(part) if part else None for part in section.get("parts", ()))


def _pad(part: dict[str, Any]) -> Pad:
    return Pad(
        part["sound"],
        part["name"],
        part["description"],
        tuple(
            Anchor(a["instrument"], float(a["dynamics"]), float(a["x"]), float(a["y"]))
            for a in part["anchors"]
        ),
        tuple(moved_by(source) for source in part["sources"]),
        tuple((float(x), float(y)) for _, x, y in part["trajectory"]),
        part["trajectory_of"],
    )


def loudness(dynamics: float) -> str:
    """Dynamics as they stand in a score. [any]"""
    return ("pp", "p", "mp", "mf", "f", "ff")[min(int(dynamics * 6), 5)]


def moved_by(source: dict[str, Any]) -> str:
    """One source in words: "modulation wheel: left and right". [any]"""
    kind, number = source["kind"], int(source["controller"])
    if kind == "cc":
        name = CONTROLLERS.get(number, f"controller {number}")
    elif kind == "lfo":
        beats = source["period_beats"]
        period = f"{beats:g} beats" if beats else f"{source['period_s']:g} s"
        wave = "chance" if source["shape"] == "random" else f"a {source['shape']} wave"
        name = f"{wave}, {period}"
    elif kind == "envelope":
        name = f"each note's first {source['attack_s'] + source['decay_s']:g} s"
    else:
        names = {"aftertouch": "aftertouch", "bend": "the bend wheel"}
        name = {**names, "velocity": "how hard a key is struck", "key": "the key"}[kind]
    return f"{name[:1].upper()}{name[1:]}: {AXES[source['axis']]}"
