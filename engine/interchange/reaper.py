"""Reaper projects of takes: a text file beside its stems. [worker]

Lines of words in nested blocks, each opened by `<NAME` and closed by `>`. Positions are seconds, in
MIDI items ticks of a quarter note. Each part is two tracks, its notes and its sound.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from engine.interchange.song import MASTER_STEM, Song, stem_names
from engine.midi.files import TICKS_PER_BEAT
from engine.midi.messages import CONTROL_CHANGE, PROGRAM_CHANGE
from engine.midi.performance import Performance, in_playing_order
from engine.pictures import part_colour

HOLD = 1  # the shape of a tempo that stays until the next
ALL_NOTES_OFF = 123
BANK_SELECT = 0
OWN_COLOUR = 0x1000000


def write_rpp(song: Song, path: Path, stems_folder: str) -> Path:
    """Write `path`, which finds its sound in `stems_folder` beside it. OSError. [worker]"""
    part = path.with_name(path.name + ".part")
    part.write_text("\n".join(_project(song, stems_folder)) + "\n", encoding="utf-8")
    os.replace(part, path)
    return path


def _project(song: Song, stems_folder: str) -> list[str]:
    _, upper, lower = song.time_signatures[0]
    lines = [
        '<REAPER_PROJECT 0.1 "6.0" 0',
        f"  SAMPLERATE {song.rate_hz} 1 0",
        f"  TEMPO {_number(60.0 / song.tempo.seconds_per_beat[0])} {upper} {lower}",
        *_tempo_points(song),
    ]
    for index, (beat, name) in enumerate(song.markers, start=1):
        second = _number(float(song.tempo.to_seconds(beat)))
        lines.append(f"  MARKER {index} {second} {_quoted(name)} 0")
    names = stem_names(song)
    for number, track in enumerate(song.tracks):
        lines += _track(track.name, number, _midi_item(song, number))
        if number in song.sounding:
            sound = f"{stems_folder}/{names[number]}"
            lines += _track(f"{track.name} audio", number, _audio_item(song, track.name, sound))
    if MASTER_STEM in song.sounding:
        sound = f"{stems_folder}/{names[MASTER_STEM]}"
        lines += _track("Mix", MASTER_STEM, _audio_item(song, "Mix", sound))
    return [*lines, ">"]


def _tempo_points(song: Song) -> list[str]:
    """A point wherever tempo or meter change; a meter is lower figure * 65536 + upper."""
    meters = {beat: lower << 16 | upper for beat, upper, lower in song.time_signatures}
    beats = np.array(sorted({*song.tempo.beats, *meters}))
    seconds = song.tempo.to_seconds(beats)
    place = np.searchsorted(song.tempo.beats, beats, side="right") - 1
    tempos_bpm = 60.0 / np.array(song.tempo.seconds_per_beat)[place]
    points = []
    for beat, second, bpm in zip(beats.tolist(), seconds.tolist(), tempos_bpm, strict=True):
        meter = f" {meters[beat]}" if beat in meters else ""
        points.append(f"    PT {_number(second)} {_number(bpm)} {HOLD}{meter}")
    return ["  <TEMPOENVEX", "    ACT 1 -1", "    VIS 1 0 1", *points, "  >"]


def _track(name: str, number: int, item: list[str]) -> list[str]:
    colour = ""
    if number >= 0:
        red, green, blue = bytes.fromhex(part_colour(number)[1:])
        colour = f"    PEAKCOL {OWN_COLOUR | blue << 16 | green << 8 | red}"
    lines = ["  <TRACK", f"    NAME {_quoted(name)}", colour, "    NCHAN 2", *item, "  >"]
    return [line for line in lines if line]


def _item(song: Song, name: str, source: list[str]) -> list[str]:
    return [
        "    <ITEM",
        "      POSITION 0",
        f"      LENGTH {_number(song.seconds)}",
        "      LOOP 0",
        f"      NAME {_quoted(name)}",
        *source,
        "    >",
    ]


def _audio_item(song: Song, name: str, path: str) -> list[str]:
    return _item(song, name, ["      <SOURCE WAVE", f"        FILE {_quoted(path)}", "      >"])


def _midi_item(song: Song, number: int) -> list[str]:
    """The notes and controllers of a part: ticks since the one before, then bytes in hex."""
    track = song.tracks[number]
    own = in_playing_order(song.events[song.events["track"] == number])
    rows = [
        (0.0, 0, bytes((CONTROL_CHANGE, BANK_SELECT, min(track.bank, 127)))),
        (0.0, 1, bytes((PROGRAM_CHANGE, track.program))),
    ]
    for second, part, bank, program in song.programs:
        if part == number:
            beat = float(song.tempo.to_beats(second))
            rows.append((beat, 0, bytes((CONTROL_CHANGE, BANK_SELECT, min(bank, 127)))))
            rows.append((beat, 1, bytes((PROGRAM_CHANGE, program))))
    beats = song.tempo.to_beats(own["seconds"]).tolist()
    messages = Performance("", own, ()).messages()
    rows += [(beat, 2, message) for beat, message in zip(beats, messages, strict=True)]
    rows.sort(key=lambda row: row[:2])  # stable: what is at one moment stays in playing order
    end = float(song.tempo.to_beats(song.seconds))
    rows.append((end, 3, bytes((CONTROL_CHANGE, ALL_NOTES_OFF, 0))))
    lines, last_tick = [f"        HASDATA 1 {TICKS_PER_BEAT} QN"], 0
    for beat, _, message in rows:
        tick = max(round(beat * TICKS_PER_BEAT), last_tick)
        status, first, second = (*message, 0)[:3]
        status = status & 0xF0 | (track.channel - 1)
        lines.append(f"        E {tick - last_tick} {status:02x} {first:02x} {second:02x}")
        last_tick = tick
    return _item(song, track.name, ["      <SOURCE MIDI", *lines, "      >"])


def _quoted(text: str) -> str:
    """Text in the marks it does not hold; one that holds them all loses its backquotes."""
    text = " ".join(text.split())
    for mark in ('"', "'", "`"):
        if mark not in text:
            return mark + text + mark
    return "`" + text.replace("`", "'") + "`"


def _number(value: float) -> str:
    text = f"{value:.12f}".rstrip("0")
    return text.rstrip(".") if text.endswith(".") else text
