"""A recording to a score: tracks of one or two instruments with their notes. [worker]

`ripieno transcribe` calls it. The sound is brought to one level, read once, piece by piece; memory
grows by 36 kB a second of sound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from engine.errors import RipienoError
from engine.midi.messages import MIDDLE_VELOCITY
from engine.midi.performance import NOTE, Track, note_events, track_bit
from engine.transcription.judging import judged, kept
from engine.transcription.notes import Listening, Thresholds, find_notes
from engine.transcription.players import assign
from engine.transcription.sound_files import open_recording
from models import registry
from models.errors import ModelError
from models.morph.spectrum import VqtStream
from models.transcription import judge as judging
from models.transcription.network import HOP_S, Network, NetworkStream, shipped

OFFLINE, LIVE, JUDGE = "transcription", "transcription_live", "transcription_judge"
PEAK = 0.5  # what the loudest sample is brought to


@dataclass(frozen=True)
class Transcription:
    """Notes (n,) of FOUND, the instrument of each, and the instruments' names and programs."""

    notes: np.ndarray
    players: np.ndarray  # (n,) places in `names`
    names: tuple[str, ...]
    programs: tuple[int, ...]
    seconds: float

    @property
    def tracks(self) -> tuple[Track, ...]:
        """Return a track an instrument that plays, the busiest first."""
        return tuple(
            Track(self.names[place].capitalize(), self.programs[place], channel=channel)
            for channel, place in enumerate(self._playing(), start=1)
        )

    @property
    def events(self) -> np.ndarray:
        """Return the notes as events of the tracks."""
        rows = np.zeros(len(self.notes), NOTE)
        track_of = {place: track for track, place in enumerate(self._playing())}
        rows["track"] = [track_of[place] for place in self.players.tolist()]
        rows["tracks"] = track_bit(rows["track"])
        rows["channel"] = rows["track"] + 1
        rows["start_seconds"], rows["end_seconds"] = self.notes["start_s"], self.notes["end_s"]
        rows["pitch"], rows["velocity"] = self.notes["pitch"], self.notes["velocity"]
        rows["release"] = MIDDLE_VELOCITY
        return note_events(rows)

    def _playing(self) -> list[int]:
        counts = np.bincount(self.players, minlength=len(self.names))
        return [int(place) for place in np.argsort(-counts, kind="stable") if counts[place]]


@cache
def load_network(name: str = OFFLINE) -> Network:
    """Return a shipped network. RipienoError if it is missing or damaged."""
    try:
        return shipped(name)
    except ModelError as error:
        raise RipienoError(str(error)) from error


@cache
def load_judge() -> judging.Judge:
    """Return the shipped judge of notes. RipienoError if it is missing or damaged."""
    try:
        return judging.shipped(JUDGE)
    except ModelError as error:
        raise RipienoError(str(error)) from error


def transcribe(
    path: str | Path,
    instruments: Sequence[str] = (),
    most: int = 2,
    thresholds: Thresholds | None = None,
    watch: Callable[[float], None] = lambda done: None,
) -> Transcription:
    """Return what is played in a sound file.

    `instruments` says who plays, by names of the network's; else one or two of all are found, or
    one where `most` is 1. `watch` is told which share of the sound is done. RipienoError when the
    file cannot be read or nothing is heard in it.
    """
    network, entry = load_network(), registry.find_transcription(OFFLINE)
    among = [instrument_place(name, network.instruments) for name in instruments]
    recording = open_recording(path)

    def pieces() -> Iterator[np.ndarray]:
        done = 0
        for piece in recording.pieces():
            yield piece * np.float32(PEAK / recording.peak)
            done += len(piece)
            watch(done / recording.frames)

    listening = hear(pieces(), recording.rate_hz, network)
    notes, _ = find_notes(listening, network.lag, thresholds)
    if len(notes) == 0:
        raise RipienoError(f"{path}: no notes are heard in it")
    notes, evidence = judged(notes, np.concatenate(listening.spectra), load_judge())
    players = assign(evidence, among or None, most)
    return Transcription(notes, players, entry.instruments, entry.programs, recording.seconds)


def hear(pieces: Iterable[np.ndarray], rate_hz: float, network: Network) -> Listening:
    """Return what a network tells of mono sound, the loudest sample about `PEAK`."""
    spectra = VqtStream(rate_hz, HOP_S, early=network.early)
    stream, listening = NetworkStream(network), Listening()

    def read(levels_db: np.ndarray) -> None:
        listening.spectra.append(kept(levels_db))
        listening.add(stream.push(levels_db))

    for piece in pieces:
        read(spectra.push(piece))
    read(spectra.finish())
    listening.add(stream.finish())
    return listening


def instrument_place(words: str, names: Sequence[str]) -> int:
    """Return which of `names` is meant; RipienoError says which there are."""
    wanted = " ".join(words.lower().replace("-", " ").split())
    found = [place for place, name in enumerate(names) if wanted in name]
    exact = [place for place in found if names[place] == wanted]
    if len(exact or found) != 1:
        raise RipienoError(f"instrument '{words}' is none of: {', '.join(names)}")
    return (exact or found)[0]
