"""What becomes of a score when a person plays it: the live conditions the demo plays under.

A seeded stand-in for a player at one keyboard: a tempo that breathes, keys of a chord that come
down neither together nor from low to high, touch, articulation, and unisons merged, since a key
cannot be struck twice. Pure functions of the score and the seed. [any]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.errors import RipienoError
from engine.midi.messages import MIDDLE_VELOCITY, NOTE_OFF, NOTE_ON
from engine.midi.performance import Performance, Track, in_playing_order, new_events

LEAD_IN_S = 0.25
SHORTEST_S = 0.04
LIFT_S = 0.02  # a key is up this long before it is struck again


@dataclass(frozen=True)
class PlayedNote:
    """A note at the keyboard; `parts` are the parts it may rightly go to (a unison has several)."""

    start_s: float
    end_s: float
    pitch: int
    velocity: int
    parts: tuple[int, ...]


@dataclass(frozen=True)
class LiveConditions:
    """How freely it is played: a key comes down up to `jitter_ms` before or after its chord."""

    jitter_ms: float = 20.0
    rubato_percent: float = 8.0
    articulation: float = 0.97

    def __post_init__(self) -> None:
        limits = (("jitter_ms", 0, 60), ("rubato_percent", 0, 30), ("articulation", 0.1, 1.5))
        for name, low, high in limits:
            value = getattr(self, name)
            if not low <= value <= high:
                raise RipienoError(f"{name} {value:g} is outside {low} .. {high}")


def perform(
    score: Performance, seed: int = 1685, conditions: LiveConditions | None = None
) -> list[PlayedNote]:
    """The score, a track a part, as one pair of hands plays it, by keys coming down. [any]"""
    conditions = conditions or LiveConditions()
    random = np.random.default_rng(seed)
    played_at = _rubato(score.seconds, random, conditions.rubato_percent)
    keys = _keys(score)
    highest = {start_s: max(p for s, p in keys if s == start_s) for start_s, _ in keys}
    played = []
    for (start_s, pitch), (end_s, parts) in sorted(keys.items()):
        jitter_s = random.uniform(-1.0, 1.0) * conditions.jitter_ms / 1000.0
        down_s = max(0.0, played_at(start_s) + jitter_s)
        held = conditions.articulation * random.uniform(0.95, 1.02)
        up_s = max(played_at(start_s + (end_s - start_s) * held), down_s + SHORTEST_S)
        swell = 12.0 * np.sin(np.pi * start_s / score.seconds)
        lead = 10.0 if pitch == highest[start_s] else 0.0
        velocity = int(np.clip(round(60.0 + swell + lead + random.normal(0.0, 4.0)), 20, 115))
        played.append(PlayedNote(down_s, up_s, pitch, velocity, parts))
    played.sort(key=lambda note: note.start_s)
    return _one_key_at_a_time(played)


def at_the_keyboard(name: str, played: list[PlayedNote]) -> Performance:
    """What the player does, as one track of MIDI. [any]"""
    rows = [(n.start_s, bytes((NOTE_ON, n.pitch, n.velocity)), 0) for n in played]
    rows += [(n.end_s, bytes((NOTE_OFF, n.pitch, MIDDLE_VELOCITY)), 0) for n in played]
    return Performance(name, in_playing_order(new_events(rows)), (Track("Keyboard"),))


def _rubato(
    score_s: float, random: np.random.Generator, percent: float
) -> Callable[[float], float]:
    """A function from the score's second to the player's: faster and slower in slow waves."""
    step_s = 0.05
    grid_s = np.arange(0.0, score_s + 10.0, step_s)
    waves = np.zeros_like(grid_s)
    for period_s in (3.6, 7.0, 15.0):
        phase = random.uniform(0, 2 * np.pi)
        waves += random.uniform(0.5, 1.0) * np.sin(2 * np.pi * grid_s / period_s + phase)
    stretch = 1.0 + percent / 100.0 * waves / np.abs(waves).max()
    played_s = LEAD_IN_S + np.concatenate([[0.0], np.cumsum(stretch * step_s)[:-1]])
    return lambda second: float(np.interp(second, grid_s, played_s))


def _keys(score: Performance) -> dict[tuple[float, int], tuple[float, tuple[int, ...]]]:
    """(start, pitch) -> (end, parts): one key for the parts that meet on a note."""
    keys: dict[tuple[float, int], tuple[float, tuple[int, ...]]] = {}
    for note in score.notes():
        key = (round(float(note["start_seconds"]), 6), int(note["pitch"]))
        end_s, parts = keys.get(key, (0.0, ()))
        parts = tuple(sorted({*parts, int(note["track"])}))
        keys[key] = (max(end_s, float(note["end_seconds"])), parts)
    return keys


def _one_key_at_a_time(played: list[PlayedNote]) -> list[PlayedNote]:
    """Lift a key before it is struck again, as a hand must."""
    struck_again: dict[int, float] = {}
    lifted = []
    for note in reversed(played):
        latest_s = struck_again.get(note.pitch, np.inf) - LIFT_S
        end_s = max(min(note.end_s, latest_s), note.start_s + LIFT_S)
        struck_again[note.pitch] = note.start_s
        lifted.append(PlayedNote(note.start_s, end_s, note.pitch, note.velocity, note.parts))
    return lifted[::-1]
