"""A score as a prompt for the network, and what the network made of it as a score again. [any]

Everything a file says up to the seam stays as it is; from there on its tracks play on, at its
tempo, in its meter. The network knows instruments, not desks: tracks of one instrument share its
notes, each those near to what it played, in their order from low to high. Loudness follows what
was played before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.composing import ComposingError
from engine.continuation.dynamics import Dynamics
from engine.general_midi import Player
from engine.midi.messages import CONTROL_CHANGE, MIDDLE_VELOCITY, NOTE_OFF, NOTE_ON, PITCH_BEND
from engine.midi.performance import (
    DRUM_CHANNEL,
    NOTE,
    Performance,
    Track,
    in_playing_order,
    new_events,
    note_events,
    track_bit,
)
from engine.midi.tempo import TempoMap
from models.mmt.instruments import CODE_OF_PROGRAM
from models.mmt.representation import KEY, LENGTH, ONSET, PLAYER, TICKS

FEWEST_NOTES = 4
MIDDLE_KEY = 60
HELD, PEDALS = 64, (64, 66, 67)  # controller values from 64 on: sustain, sostenuto, soft
NO_BEND = bytes((PITCH_BEND, 0, 64))
_BUSY = 100.0  # semitones a track that still sounds seems to lie further away
_STRAY = 1e-6


@dataclass(frozen=True)
class Prompt:
    """What was played up to the seam: the score itself, and the notes the network is told."""

    score: Performance
    seam_beat: int
    notes: np.ndarray  # (n, 4) of models.mmt.representation, from beat 0 of the score
    remarks: tuple[str, ...] = ()

    @property
    def seam(self) -> int:
        """The tick from which the network plays."""
        return self.seam_beat * TICKS

    def beats_of(self, seconds: float) -> float:
        """How many beats from the seam on so many seconds are."""
        tempo = self.score.tempo
        begin = tempo.second_at(self.seam_beat)
        return tempo.beat_at(begin + seconds) - self.seam_beat


def empty_prompt(tempo_bpm: float) -> Prompt:
    """Nothing played yet, at a tempo, in 4/4. [any]"""
    score = Performance("", new_events([]), (), TempoMap.steady(tempo_bpm))
    return Prompt(score, 0, np.zeros((0, 4), np.int64))


def prompt_of(score: Performance, path: Path, beats: int | None = None) -> Prompt:
    """Take the first `beats` of a score, or all of it, as a prompt.

    ComposingError if there is too little in it to continue. [any]
    """
    written = score.notes()
    ticks = np.round(score.tempo.to_beats(written["start_seconds"]) * TICKS).astype(np.int64)
    ends = score.tempo.to_beats(written["end_seconds"])
    seam_beat = beats or max(1, math.ceil(float(ends.max(initial=0.0)) - 1 / TICKS))
    inside = ticks < seam_beat * TICKS
    programs = np.array([track.program for track in score.tracks])
    drums = np.array([track.drums for track in score.tracks])
    codes = np.where(drums, 0, CODE_OF_PROGRAM[programs])[written["track"]]
    lengths = np.maximum(np.round(ends * TICKS).astype(np.int64) - ticks, 1)
    table = np.stack([ticks, written["pitch"].astype(np.int64), lengths, codes], axis=1)
    heard = np.unique(table[inside & (codes > 0)], axis=0)
    remarks = []
    if struck := int((inside & drums[written["track"]]).sum()):
        remarks.append(f"{struck} drum notes stay; the network writes none.")
    effects = inside & (codes == 0) & ~drums[written["track"]]
    if effects.any():
        remarks.append(f"{int(effects.sum())} notes of sound effects stay; the network knows none.")
    if len(heard) < FEWEST_NOTES:
        where = f"the first {beats} beats" if beats else "it"
        raise ComposingError(
            f"{path}: there are {len(heard)} notes in {where} that can be continued, at least "
            f"{FEWEST_NOTES} are needed"
        )
    return Prompt(_cut(score, written[inside], seam_beat), seam_beat, heard, tuple(remarks))


def with_players(prompt: Prompt, players: Sequence[Player]) -> Prompt:
    """Return the prompt with a track for every player who has none yet. [any]

    ComposingError if MIDI's channels do not suffice.
    """
    tracks = list(prompt.score.tracks)
    for player in players:
        if any(CODE_OF_PROGRAM[t.program] == player.code and not t.drums for t in tracks):
            continue
        taken = {track.channel for track in tracks} | {DRUM_CHANNEL}
        free = [channel for channel in range(1, 17) if channel not in taken]
        if not free:
            raise ComposingError(
                f"there is no room for {player.name}: all 15 channels of a MIDI file are taken"
            )
        tracks.append(Track(player.name, player.program, channel=free[0]))
    return replace(prompt, score=replace(prompt.score, tracks=tuple(tracks)))


def continued(prompt: Prompt, notes: np.ndarray) -> Performance:
    """Return the prompt's score with the notes (n, 4) that were made after it. [any]

    Every instrument must have a track: `with_players`.
    """
    score = prompt.score
    rows = np.zeros(len(notes), NOTE)
    if len(notes):
        rows["start_seconds"] = score.tempo.to_seconds(notes[:, ONSET] / TICKS)
        ends = (notes[:, ONSET] + notes[:, LENGTH]) / TICKS
        rows["end_seconds"] = score.tempo.to_seconds(ends)
        rows["pitch"], rows["release"] = notes[:, KEY], MIDDLE_VELOCITY
        rows["track"] = _desks(prompt, notes)
        rows["tracks"] = track_bit(rows["track"])
        rows["channel"] = np.array([track.channel for track in score.tracks])[rows["track"]]
        rows["velocity"] = _velocities(prompt, notes, rows["track"])
    old = score.notes()
    _let_go(old, rows)
    kind = score.events["status"] & 0xF0
    others = score.events[(kind != NOTE_ON) & (kind != NOTE_OFF)]
    events = np.concatenate([note_events(old), note_events(rows), others])
    return replace(score, events=in_playing_order(events))


def _cut(score: Performance, kept: np.ndarray, seam_beat: int) -> Performance:
    """Return a score up to the seam: notes that began before it, pedals up and bends back there."""
    seam_s = score.tempo.second_at(seam_beat)
    kind = score.events["status"] & 0xF0
    gestures = score.events[
        (kind != NOTE_ON) & (kind != NOTE_OFF) & (score.events["seconds"] < seam_s)
    ]
    state: dict[tuple[int, int, int], tuple[int, int]] = {}
    for event in gestures.tolist():
        _, status, a, b, track, _ = event
        if status & 0xF0 == PITCH_BEND:
            state[track, status, -1] = (a, b)
        elif status & 0xF0 == CONTROL_CHANGE and a in PEDALS:
            state[track, status, a] = (a, b)
    ends = []
    for (track, status, what), (a, b) in sorted(state.items()):
        if what == -1 and (a, b) != (0, 64):
            ends.append((seam_s, bytes((status, *NO_BEND[1:])), track))
        elif what >= 0 and b >= HELD:
            ends.append((seam_s, bytes((status, what, 0)), track))
    events = [note_events(kept), gestures, new_events(ends)]
    tempo = score.tempo
    changes = [n for n, beat in enumerate(tempo.beats) if beat < max(seam_beat, _STRAY)]
    return replace(
        score,
        events=in_playing_order(np.concatenate(events)),
        tempo=TempoMap(*(tuple(row[n] for n in changes) for row in _rows(tempo))),
        time_signatures=tuple(s for s in score.time_signatures if s[0] < seam_beat),
        key_signatures=tuple(s for s in score.key_signatures if s[0] < seam_beat),
        remarks=(),
    )


def _rows(tempo: TempoMap) -> tuple[tuple[float, ...], ...]:
    return tempo.beats, tempo.seconds, tempo.seconds_per_beat


def _desks(prompt: Prompt, notes: np.ndarray) -> np.ndarray:
    """Return the track of each note. Tracks of one instrument keep their order, low to high."""
    tracks = prompt.score.tracks
    written = prompt.score.notes()
    result = np.zeros(len(notes), np.int64)
    for code in np.unique(notes[:, PLAYER]).tolist():
        mine = [
            number
            for number, track in enumerate(tracks)
            if CODE_OF_PROGRAM[track.program] == code and not track.drums
        ]
        home = np.array([_home(written, track) for track in mine])
        order = np.argsort(home, kind="stable")
        desks, home = np.array(mine)[order], home[order]
        last, busy_until = home.copy(), np.zeros(len(mine))
        rows = np.flatnonzero(notes[:, PLAYER] == code)
        for onset in np.unique(notes[rows, ONSET]):
            group = rows[notes[rows, ONSET] == onset]
            group = group[np.argsort(notes[group, KEY], kind="stable")]
            far = np.abs(notes[group, KEY][:, None] - (last + home) / 2)
            places = in_order(far + _BUSY * (busy_until > onset))
            result[group] = desks[places]
            last[places] = notes[group, KEY]
            busy_until[places] = onset + notes[group, LENGTH]
    return result


def _home(written: np.ndarray, track: int) -> float:
    """Return the key about which a track has played."""
    keys = written["pitch"][written["track"] == track]
    return float(keys.mean()) if len(keys) else MIDDLE_KEY


def in_order(cost: np.ndarray) -> list[int]:
    """Return a rising place for each row of cost (rows, places), the cheapest in all. [any]

    Each row has a place of its own as long as there are enough; else the last place takes the rest.
    """
    rows, places = cost.shape
    if rows > places:
        return [min(row, places - 1) for row in range(rows)]
    best = np.full((rows + 1, places + 1), np.inf)
    best[0] = 0.0
    for i in range(1, rows + 1):
        for j in range(i, places + 1):
            best[i, j] = min(best[i, j - 1], best[i - 1, j - 1] + cost[i - 1, j - 1])
    result, j = [0] * rows, places
    for i in range(rows, 0, -1):
        while best[i, j - 1] <= best[i, j]:
            j -= 1
        j -= 1
        result[i - 1] = j
    return result


def _velocities(prompt: Prompt, notes: np.ndarray, desks: np.ndarray) -> np.ndarray:
    """Return how loud each note is: as the prompt was at the same places of the bar."""
    upper, lower = prompt.score.time_signatures[-1][1:]
    dynamics = Dynamics(len(prompt.score.tracks), max(1, round(upper * 4 / lower)))
    written = prompt.score.notes()
    ticks = np.round(prompt.score.tempo.to_beats(written["start_seconds"]) * TICKS).astype(int)
    for tick, note in zip(ticks.tolist(), written, strict=True):
        dynamics.hear(tick, int(note["track"]), int(note["velocity"]))
    places = zip(notes[:, ONSET].tolist(), desks.tolist(), strict=True)
    return np.array([dynamics.velocity(tick, desk, 0.5) for tick, desk in places])


def _let_go(old: np.ndarray, new: np.ndarray) -> None:
    """End each old note, in place, where a new one of its key and track begins."""
    for note in new:
        same = (old["track"] == note["track"]) & (old["pitch"] == note["pitch"])
        same &= old["end_seconds"] > note["start_seconds"]
        old["end_seconds"][same] = note["start_seconds"]
