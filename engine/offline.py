"""Driving the engine without a clock: as fast as it goes, through the callback the devices run.

Used by `demo` without a sound device, `render` and `arrange`, on the main thread. An event keeps
its frame exactly, so the result does not depend on how fast the machine is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.ensembles import Ensemble
from engine.midi.performance import Performance
from engine.midi.player import Feeder

CHUNK_FRAMES = 2048
SILENT = 10 ** (-75 / 20)
BLOCK_FRAMES = 64


def new_engine(
    ensemble: Ensemble, rate_hz: int, chord_window_ms: float | None, soundfont: Path | None
) -> Any:
    """An engine that plays `ensemble` with its model, ready for `play_offline`. [main]"""
    from engine.core import Engine
    from models import registry

    engine = Engine(rate_hz, soundfont=soundfont or ensemble.soundfont_path)
    model = registry.find(ensemble.model)
    engine.load_separator(registry.load(model), model.middle_pitches)
    engine.apply(ensemble)
    if chord_window_ms is not None:
        engine.set("chord_window_ms", chord_window_ms)
    return engine


class PartInlet:
    """Lets a `Feeder` play straight into one part, past the separation."""

    def __init__(self, engine: Any, part: int) -> None:
        self._engine = engine
        self._part = part

    def midi(self, message: bytes, frame: int | None = None, source: int = 0) -> bool:
        """Take one complete channel-voice message for the part. [any]"""
        return self._engine.part_midi(self._part, message, frame)


def keyboard_feeder(engine: Any, performance: Performance) -> Feeder:
    """A feeder that plays everything at the keyboard, from the engine's present frame on. [main]"""
    return Feeder(engine, performance, rate_hz=engine.rate_hz, start_frame=engine.frame)


def part_feeders(engine: Any, performance: Performance, parts: list[int]) -> list[Feeder]:
    """A feeder a track: track n of the performance plays into `parts[n]`. [main]"""
    feeders = []
    for track, part in enumerate(parts):
        own = replace(performance, events=performance.events[performance.events["track"] == track])
        inlet = PartInlet(engine, part)
        feeders.append(Feeder(inlet, own, rate_hz=engine.rate_hz, start_frame=engine.frame))
    return feeders


def play_offline(
    engine: Any,
    feeders: list[Feeder],
    on_chunk: Callable[[np.ndarray, np.ndarray], None],
    *,
    tail_s: float = 4.0,
    stems: bool = False,
    block_frames: int = BLOCK_FRAMES,
) -> int:
    """Play what the feeders hold, then at most `tail_s` more; frames rendered.

    `on_chunk(audio, results)` gets the audio (frames, channels) and the results of each chunk in
    order. The tail ends early once nothing sounds any more. [main]
    """
    first_frame = engine.frame
    playing = True
    while playing:
        playing = False
        for feeder in feeders:
            playing |= not feeder.feed(engine.frame + CHUNK_FRAMES)
        _render(engine, stems, block_frames, on_chunk)
    tail_end_frame = engine.frame + int(tail_s * engine.rate_hz)
    while engine.frame < tail_end_frame:
        loud = _render(engine, stems, block_frames, on_chunk) >= SILENT
        if not loud and not engine.stats().held_notes:
            break
    return engine.frame - first_frame


def _render(engine: Any, stems: bool, block_frames: int, on_chunk: Callable) -> float:
    audio = engine.render(CHUNK_FRAMES, block_frames, stems)
    on_chunk(audio, engine.results())
    return float(np.abs(audio).max())
