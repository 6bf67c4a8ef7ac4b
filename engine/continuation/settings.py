"""What the ensemble is told about playing on: read from the engine's line, checked once.

`read` turns a {"do": "set"} line of engine/continuation/process.py into Settings; the worker and
its planner read nothing else.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.mmt.instruments import CODE_OF_PROGRAM, code_of

OFF, TAKEOVER, TRADE, ACCOMPANY, VARY = "off", "takeover", "trade", "accompany", "vary"
MODES = (OFF, TAKEOVER, TRADE, ACCOMPANY, VARY)

# Instruments on which one player plays chords; the others play a note at a time.
_CHORDAL = frozenset(
    code_of(name)
    for name in (
        *("piano", "electric-piano", "harpsichord", "clavinet", "celesta", "music-box"),
        *("vibraphone", "marimba", "dulcimer", "organ", "church-organ", "accordion", "bandoneon"),
        *("nylon-string-guitar", "steel-string-guitar", "electric-guitar", "harp", "strings"),
        *("synth-strings", "orchestra-hit", "brasses", "synth-brasses", "pad", "koto"),
    )
)
_MOST_VOICES = 6  # of a part: more the network hardly ever wrote for two hands
_EFFECTS = range(96, 104)  # programs without an instrument that swell like pads


@dataclass(frozen=True)
class Part:
    """A part of the ensemble as the planner sees it."""

    code: int  # its instrument, models.mmt.instruments
    low: int
    high: int
    voices: int  # notes it may sound at once
    continues: bool = True

    def __post_init__(self) -> None:
        for name, low, high in (
            ("code", 1, 64),
            ("low", 0, 127),
            ("high", self.low, 127),
            ("voices", 1, 128),
        ):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be {low} to {high}, got {getattr(self, name)}")


@dataclass(frozen=True)
class Settings:
    """Everything the planner follows."""

    mode: str = TAKEOVER
    silence_beats: float = 2.0
    bars: int = 4
    beats_per_bar: float = 4
    temperature: float = 1.0
    density: float = 0.0
    variation: float = 0.3
    memory_beats: int = 64
    seed: int = 0
    parts: tuple[Part, ...] = ()

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}, got '{self.mode}'")
        for name, low, high in (
            ("silence_beats", 0, 64),
            ("bars", 1, 64),
            ("beats_per_bar", 0.25, 64),
            ("temperature", 0.1, 2),
            ("density", -1, 1),
            ("variation", 0, 1),
            ("memory_beats", 8, 256),
            ("seed", 0, 2**31 - 1),
        ):
            value = getattr(self, name)
            if not (low <= value <= high and math.isfinite(value)):
                raise ValueError(f"{name} must be {low} to {high}, got {value}")

    @property
    def bar_beats(self) -> int:
        """The bar in whole beats, as the network counts."""
        return max(1, round(self.beats_per_bar))


def read(line: Mapping[str, Any]) -> Settings:
    """Return the Settings of a line; ValueError naming what is missing or wrong. [worker]"""
    try:
        parts = tuple(
            Part(
                code=instrument_of(int(part["program"])),
                low=int(part["low"]),
                high=int(part["high"]),
                voices=_voices(instrument_of(int(part["program"])), int(part["polyphony"])),
                continues=bool(part["continues"]),
            )
            for part in line["parts"]
        )
        return Settings(
            mode=str(line["mode"]),
            silence_beats=float(line["silence_beats"]),
            bars=int(line["bars"]),
            beats_per_bar=float(line["beats_per_bar"]),
            temperature=float(line["temperature"]),
            density=float(line["density"]),
            variation=float(line["variation"]),
            memory_beats=int(line["memory_beats"]),
            seed=int(line["seed"]),
            parts=parts,
        )
    except KeyError as error:
        raise ValueError(f"the settings of the continuation lack {error}") from error


def instrument_of(program: int) -> int:
    """Return the instrument code of a General MIDI program, the nearest if it has none. [any]"""
    if not 0 <= program <= 127:
        raise ValueError(f"program must be 0 to 127, got {program}")
    code = int(CODE_OF_PROGRAM[program])
    if code:
        return code
    if program in _EFFECTS:
        return code_of("pad")
    return code_of("flute" if 72 <= program <= 79 else "piano")


def _voices(code: int, polyphony: int) -> int:
    """How many notes at once: a part's limit, but a note at a time where one blows or bows."""
    limit = polyphony if polyphony > 0 else _MOST_VOICES
    return min(limit, _MOST_VOICES) if code in _CHORDAL else 1
