"""Separating, arranging and rendering files through the real engine."""

from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from engine.ensembles import Ensemble, load_ensemble
from engine.errors import RipienoError
from engine.midi.files import read_midi, write_midi
from engine.midi.performance import Performance, Track, new_events
from engine.offline import new_engine, play_offline
from engine.paths import presets_folder
from engine.playing import at_the_keyboard, perform
from engine.rendering import render_file
from engine.separate import arrange, parts_of_notes, separate, tracks_are_parts
from engine.soundfonts import bundled_soundfont

PIECE = presets_folder() / "demo" / "herzliebster_jesu.mid"


@pytest.fixture(scope="module")
def quartet() -> Ensemble:
    return load_ensemble("string_quartet")


@pytest.fixture(scope="module")
def score() -> Performance:
    return read_midi(PIECE)


def short(rows: list[tuple[float, bytes, int]], *names: str) -> Performance:
    """A performance of a few messages."""
    tracks = tuple(Track(name, channel=i) for i, name in enumerate(names or ("Piano",), start=1))
    return Performance("short", new_events(rows), tracks)


CHORD = short(
    [(0.0, bytes([0x90, pitch, 80]), 0) for pitch in (48, 60, 67, 76)]
    + [(0.5, bytes([0xB0, 64, 127]), 0)]
    + [(1.0, bytes([0x80, pitch, 64]), 0) for pitch in (48, 60, 67, 76)]
)


def test_a_chord_has_a_part_for_each_note(quartet: Ensemble) -> None:
    notes = separate(CHORD, quartet, 45.0)
    assert {note.pitch: note.part for note in notes} == {76: 0, 67: 1, 60: 2, 48: 3}
    assert {note.how for note in notes} == {"network"}


def test_separation_does_not_depend_on_the_run(quartet: Ensemble, score: Performance) -> None:
    keyboard = at_the_keyboard("demo", perform(score))
    keyboard = replace(keyboard, events=keyboard.events[:120])
    assert separate(keyboard, quartet, 0.0) == separate(keyboard, quartet, 0.0)


def test_the_n_th_note_of_a_pitch_is_the_n_th_that_sounded(quartet: Ensemble) -> None:
    rows = [(i * 0.5, bytes([0x90, 60, 80]), 0) for i in range(3)]
    rows += [(i * 0.5 + 0.4, bytes([0x80, 60, 64]), 0) for i in range(3)]
    repeated = short(sorted(rows))
    sounded = separate(repeated, quartet, 0.0)
    for part, note in enumerate(sounded):
        note.part = part
    assert parts_of_notes(repeated, sounded[::-1]) == [0, 1, 2]
    assert parts_of_notes(repeated, sounded[:2]) == [0, 1, 1]
    assert parts_of_notes(repeated, []) == [0, 0, 0]


def test_an_arrangement_changes_nothing_but_the_parts(
    quartet: Ensemble, score: Performance
) -> None:
    arrangement = arrange(score, quartet, 45.0)
    assert [track.name for track in arrangement.tracks] == [p.name for p in quartet.parts]
    assert [track.program for track in arrangement.tracks] == [40, 40, 41, 42]
    arranged = Performance("", arrangement.events, arrangement.tracks).notes()
    keys = {(n["start_seconds"], n["pitch"]) for n in score.notes()}
    assert {(n["start_seconds"], n["pitch"]) for n in arranged} == keys
    assert sum(arrangement.notes_in_part) == len(keys)
    assert min(arrangement.notes_in_part) > 30


def test_pedals_reach_every_part(quartet: Ensemble) -> None:
    events = arrange(CHORD, quartet).events
    pedals = events[events["status"] & 0xF0 == 0xB0]
    assert sorted(pedals["track"]) == [0, 1, 2, 3]
    assert set(pedals["seconds"]) == {0.5}


def test_a_written_arrangement_keeps_tempo_meter_and_key(
    tmp_path: Path, quartet: Ensemble, score: Performance
) -> None:
    arrangement = arrange(score, quartet, 45.0)
    path = tmp_path / "arranged.mid"
    write_midi(
        path,
        arrangement.tracks,
        arrangement.events,
        score.tempo,
        time_signatures=score.time_signatures,
        key_signatures=score.key_signatures,
    )
    again = read_midi(path)
    assert again.time_signatures == score.time_signatures
    assert again.key_signatures == score.key_signatures
    assert np.allclose(again.tempo.seconds_per_beat, score.tempo.seconds_per_beat, atol=1e-6)
    assert tracks_are_parts(again, quartet)
    assert not tracks_are_parts(score, quartet)
    keys = [m for m in mido.MidiFile(path).tracks[0] if m.type == "key_signature"]
    assert [message.key for message in keys] == ["Bm"]


def test_a_render_is_the_sum_of_its_stems(tmp_path: Path, quartet: Ensemble) -> None:
    dry = replace(quartet, parts=tuple(replace(p, reverb_send=0.0) for p in quartet.parts))
    rendered = render_file(
        CHORD,
        dry,
        tmp_path / "all.wav",
        stems_folder=tmp_path / "stems",
        soundfont=bundled_soundfont(),
    )
    assert (rendered.notes, rendered.direct) == (4, False)
    master, rate_hz = soundfile.read(tmp_path / "all.wav")
    stems = [soundfile.read(path)[0] for path in sorted((tmp_path / "stems").iterdir())]
    assert rate_hz == 48000
    assert soundfile.info(tmp_path / "all.wav").subtype == "PCM_24"
    assert rendered.seconds == pytest.approx(len(master) / rate_hz)
    assert 1.0 < rendered.seconds < 7.1
    assert [path.stem for path in sorted((tmp_path / "stems").iterdir())] == [
        "01 Violin I",
        "02 Violin II",
        "03 Viola",
        "04 Cello",
    ]
    assert min(abs(stem).max() for stem in stems) > 0.005
    assert np.abs(sum(stems) - master).max() < 1e-5


def test_tracks_named_like_the_parts_go_straight_to_them(tmp_path: Path, quartet: Ensemble) -> None:
    rows = [
        (0.0, bytes([0x90, 79, 80]), 1),
        (0.0, bytes([0x90, 57, 80]), 0),
        (0.5, bytes([0x80, 79, 64]), 1),
        (0.5, bytes([0x80, 57, 64]), 0),
    ]
    high_cello = short(rows, "Violin I", "Cello")
    rendered = render_file(
        high_cello,
        quartet,
        tmp_path / "direct.wav",
        stems_folder=tmp_path,
        soundfont=bundled_soundfont(),
    )
    assert (rendered.notes, rendered.direct) == (2, True)
    for name, loud in (("01 Violin I", True), ("02 Violin II", False), ("04 Cello", True)):
        assert (abs(soundfile.read(tmp_path / f"{name}.wav")[0]).max() > 0.005) == loud


def test_the_same_render_is_the_same_file(tmp_path: Path, quartet: Ensemble) -> None:
    for name in ("a.wav", "b.wav"):
        render_file(CHORD, quartet, tmp_path / name, soundfont=bundled_soundfont())
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


@pytest.mark.parametrize("name", ["out.mp3", "missing/out.wav"])
def test_a_file_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, quartet: Ensemble, name: str
) -> None:
    with pytest.raises(RipienoError, match="out"):
        render_file(CHORD, quartet, tmp_path / name, soundfont=bundled_soundfont())


def test_the_tail_ends_when_nothing_sounds(quartet: Ensemble) -> None:
    engine = new_engine(quartet, 48000, None, bundled_soundfont())
    try:
        assert play_offline(engine, [], lambda audio, results: None, tail_s=60.0) < 48000
    finally:
        engine.close()
