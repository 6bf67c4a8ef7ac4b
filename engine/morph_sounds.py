"""Morph sounds: which instruments lie where on the pad's plane, and what moves the puck over it.

Presets are TOML files (presets/README.md is the schema), read here and nowhere else. A `MorphSound`
that exists is valid: every record checks itself when it is made, and a message names the file, the
key, the value and what would be legal. Which instruments there are, the weights say, and
`engine.morph_pads` asks them. [main]
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.ensembles import Choice, Number, Several, Text
from engine.errors import RipienoError
from engine.preset_files import (
    FORMAT,
    PresetError,
    find_preset,
    preset_files,
    read_all,
    read_table,
    save_preset,
)
from engine.toml_text import to_toml

KIND = "sounds"
MAX_ANCHORS = 8
MAX_SOURCES = 8
MAX_TRAJECTORY = 2048  # points
CLOSEST = 0.01  # anchors nearer to each other than this are one place
MODES = ("latent", "baseline")
INTERPOLATIONS = ("none", "linear", "cubic")
UNITS = ("seconds", "beats")
AXES = ("x", "y")
KINDS = ("cc", "aftertouch", "bend", "velocity", "key", "envelope", "lfo")
SHAPES = ("sine", "triangle", "saw", "random")
HEADER = "# A morph sound of Ripieno's. It may be edited by hand.\n"

ANCHOR_RULES = {
    "instrument": Text(1, 32),
    "dynamics": Number(0, 1),
    "x": Number(0, 1),
    "y": Number(0, 1),
    "gain_db": Number(-24, 24),
}
POINT_RULES = {"x": Number(0, 1), "y": Number(0, 1)}
SOURCE_RULES = {
    "axis": Choice(AXES),
    "kind": Choice(KINDS),
    "controller": Number(1, 119, whole=True),
    "low": Number(-1, 1),
    "high": Number(-1, 1),
    "shape": Choice(SHAPES),
    "period_s": Number(0.02, 600),
    "period_beats": Number(0, 256),
    "attack_s": Number(0, 30),
    "decay_s": Number(0, 60),
}
VIBRATO_RULES = {
    "rate_hz": Number(0.1, 12),
    "depth_cents": Number(0, 100),
    "delay_s": Number(0, 10),
}
SOUND_RULES = {
    "name": Text(1, 64),
    "description": Text(0, 400),
    "tags": Several(Text(1, 32), 0, 16),
    "texture": Number(0, 1),
    "release": Number(0.25, 4),
    "gain_db": Number(-60, 12),
    "mode": Choice(MODES),
    "interpolation": Choice(INTERPOLATIONS),
    "trajectory_unit": Choice(UNITS),
}
SWITCHES = ("even_motion", "loop", "plays")


class MorphSoundError(PresetError):
    """A morph sound that cannot be played, or a file that holds none."""


@dataclass(frozen=True)
class Anchor:
    """An instrument, played so loud (0..1), and its place on the plane. [any]"""

    instrument: str  # as the weights name it
    dynamics: float = 0.6
    x: float = 0.5
    y: float = 0.5
    gain_db: float = 0.0  # so that none is louder than its neighbours

    def __post_init__(self) -> None:
        _check_fields(self, ANCHOR_RULES)


@dataclass(frozen=True)
class Point:
    """A place on the plane. [any]"""

    x: float = 0.5
    y: float = 0.5

    def __post_init__(self) -> None:
        _check_fields(self, POINT_RULES)


@dataclass(frozen=True)
class Source:
    """What moves the puck along one axis: it adds `low` at its least and `high` at its most. [any]

    cc: a controller; aftertouch: of the channel or the hardest pressed key; bend: the wheel;
    velocity and key: of the newest note; envelope: rises in `attack_s` after the newest note, then
    falls in `decay_s`; lfo: goes round in `period_s`, or in `period_beats` with the transport.
    """

    axis: str
    kind: str
    controller: int = 1
    low: float = 0.0
    high: float = 1.0
    shape: str = "sine"
    period_s: float = 4.0
    period_beats: float = 0.0  # 0: in seconds
    attack_s: float = 0.05
    decay_s: float = 1.0

    def __post_init__(self) -> None:
        _check_fields(self, SOURCE_RULES)


@dataclass(frozen=True)
class Vibrato:
    """A vibrato of the voices' own. [any]"""

    rate_hz: float = 5.5
    depth_cents: float = 0.0
    delay_s: float = 0.3

    def __post_init__(self) -> None:
        _check_fields(self, VIBRATO_RULES)


@dataclass(frozen=True)
class MorphSound:
    """One sound; raises MorphSoundError on an illegal value. [any]"""

    id: str  # the stem of the file
    name: str
    description: str = ""
    tags: tuple[str, ...] = ()
    anchors: tuple[Anchor, ...] = ()
    puck: Point = field(default_factory=Point)
    sources: tuple[Source, ...] = ()
    texture: float = 0.5  # how much of the instruments' own unrest is heard
    vibrato: Vibrato = field(default_factory=Vibrato)
    release: float = 1.0  # factor of the instruments' own
    gain_db: float = 0.0
    mode: str = "latent"  # "baseline": a plain cross-fade of the anchors' levels in dB
    interpolation: str = "linear"  # of the trajectory's points
    even_motion: bool = False  # sources and trajectory change the sound by equal steps
    trajectory: tuple[tuple[float, float, float], ...] = ()  # (seconds or beats, x, y)
    trajectory_unit: str = "seconds"
    loop: bool = True
    plays: bool = False  # the trajectory runs as soon as the sound is there

    def __post_init__(self) -> None:
        _check_fields(self, SOUND_RULES)
        for key in SWITCHES:
            if not isinstance(getattr(self, key), bool):
                raise MorphSoundError(f"{key} = {getattr(self, key)!r} must be true or false")
        _check_anchors(self.anchors)
        if len(self.sources) > MAX_SOURCES:
            raise MorphSoundError(f"has {len(self.sources)} sources, may have {MAX_SOURCES}")
        object.__setattr__(self, "trajectory", _checked_trajectory(self.trajectory))

    def table(self) -> dict[str, Any]:
        """The table its file holds; what is as usual is left out. [any]"""
        table: dict[str, Any] = {"format": FORMAT, "name": self.name}
        usual = MorphSound(self.id, self.name, anchors=self.anchors, sources=self.sources)
        for key in (one.name for one in dataclasses.fields(self)):
            value = getattr(self, key)
            if value != getattr(usual, key):
                table[key] = _as_table(value)
        table["anchors"] = [_as_table(anchor) for anchor in self.anchors]
        if self.sources:
            table["sources"] = [_as_table(source) for source in self.sources]
        return table

    def text(self) -> str:
        """The text of its file. [any]"""
        return HEADER + to_toml(self.table())


def load_morph_sound(name_or_path: str | Path) -> MorphSound:
    """Read one sound: an id such as "cello_flute_trumpet", or the path of a .toml file. [main]"""
    path = find_preset(KIND, name_or_path)
    table = read_table(path)
    try:
        return sound_of(path.stem, table)
    except RipienoError as error:
        raise MorphSoundError(f"{path}: {error}") from error


def morph_sound_ids() -> tuple[str, ...]:
    """The ids of all sounds there are, the user's own among them. [any]"""
    return tuple(sorted(preset_files(KIND)))


def list_morph_sounds() -> tuple[list[MorphSound], list[str]]:
    """Every sound there is, by name, and why others cannot be read. [main]"""
    return read_all(KIND, load_morph_sound)


def save_morph_sound(sound: MorphSound, folder: Path) -> Path:
    """Write a sound into a folder, its file named after it, instead of one of that name. [main]"""
    return save_preset(sound.name, sound.text(), folder)


def sound_of(sound_id: str, table: dict[str, Any]) -> MorphSound:
    """The sound a table describes. MorphSoundError says what is wrong with it. [any]"""
    values = dict(table)
    legal = [field.name for field in dataclasses.fields(MorphSound) if field.name != "id"]
    _check_keys(values, legal, ("name", "anchors"))
    values["anchors"] = tuple(
        _record(Anchor, f"anchor {number}", item, ("instrument",))
        for number, item in enumerate(_tables("anchors", values["anchors"]), start=1)
    )
    values["sources"] = tuple(
        _record(Source, f"source {number}", item, ("axis", "kind"))
        for number, item in enumerate(_tables("sources", values.get("sources", [])), start=1)
    )
    for key, kind in (("puck", Point), ("vibrato", Vibrato)):
        if key in values:
            values[key] = _record(kind, key, values[key], ())
    return MorphSound(id=sound_id, **values)


def _record(kind: Any, where: str, table: Any, required: tuple[str, ...]) -> Any:
    if not isinstance(table, dict):
        raise MorphSoundError(f"{where} = {_show(table)} must be a table")
    try:
        _check_keys(table, [field.name for field in dataclasses.fields(kind)], required)
        return kind(**table)
    except MorphSoundError as error:
        raise MorphSoundError(f"{where}: {error}") from error


def _tables(key: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise MorphSoundError(f"{key} = {_show(value)} must be a list of tables")
    return value


def _check_anchors(anchors: tuple[Anchor, ...]) -> None:
    if not 1 <= len(anchors) <= MAX_ANCHORS:
        raise MorphSoundError(f"has {len(anchors)} anchors, must have 1 to {MAX_ANCHORS}")
    for number, one in enumerate(anchors, start=1):
        for other_number, other in enumerate(anchors[: number - 1], start=1):
            if math.hypot(one.x - other.x, one.y - other.y) < CLOSEST:
                raise MorphSoundError(
                    f"anchors {other_number} and {number} lie at the same place, "
                    f"{one.x:g}, {one.y:g}: they must be {CLOSEST:g} apart"
                )


def _checked_trajectory(points: Any) -> tuple[tuple[float, float, float], ...]:
    if not isinstance(points, list | tuple) or len(points) > MAX_TRAJECTORY:
        raise MorphSoundError(
            f"trajectory = {_show(points)} must be a list of at most {MAX_TRAJECTORY} points"
        )
    rule = Several(Number(0, 36000), 3, 3)
    checked = []
    for number, point in enumerate(points, start=1):
        try:
            at, x, y = rule.check(point)
            x, y = POINT_RULES["x"].check(x), POINT_RULES["y"].check(y)
        except ValueError:
            raise MorphSoundError(
                f"trajectory point {number} = {_show(point)} must be [time, x, y], the time 0 to "
                "36000, x and y 0 to 1"
            ) from None
        if checked and at <= checked[-1][0]:
            raise MorphSoundError(
                f"trajectory point {number} at {at:g} must be later than the one before, at "
                f"{checked[-1][0]:g}"
            )
        checked.append((at, x, y))
    if checked and (checked[0][0] != 0.0 or len(checked) == 1):
        raise MorphSoundError("trajectory must begin at time 0 and have two points or more")
    return tuple(checked)


def _check_keys(table: dict[str, Any], legal: list[str], required: tuple[str, ...]) -> None:
    for key in table:
        if key not in legal:
            raise MorphSoundError(f"unknown key {_show(key)}, legal are {', '.join(legal)}")
    for key in required:
        if key not in table:
            raise MorphSoundError(f'the key "{key}" is missing')


def _check_fields(record: Any, rules: dict[str, Any]) -> None:
    """Check every field that has a rule and store it in its own type (an int as a float)."""
    for key, rule in rules.items():
        value = getattr(record, key)
        try:
            object.__setattr__(record, key, rule.check(value))
        except ValueError as error:
            raise MorphSoundError(f"{key} = {_show(value)} must be {error}") from None


def _as_table(value: Any) -> Any:
    """A record as a table of what is not as usual; tuples as lists, whatever else as it is."""
    if isinstance(value, tuple):
        return [_as_table(item) for item in value]
    if not dataclasses.is_dataclass(value):
        return value
    usual = {field.name: field.default for field in dataclasses.fields(value)}
    pairs = {key: getattr(value, key) for key in usual}
    return {k: v for k, v in pairs.items() if v != usual[k] or k in POINT_RULES}


def _show(value: Any) -> str:
    """The value as one short line, whatever it is."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."
