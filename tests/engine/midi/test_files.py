"""Reading and writing MIDI files: round trips, hostile files, other programs reading ours."""

import importlib.util
import io
import os
import shutil
import struct
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import mido
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.midi.files import MidiFileError, read_midi, write_midi
from engine.midi.performance import Performance, Track, merged_to_keyboard, new_events
from engine.midi.tempo import TempoMap

TRACKS = (
    Track("Soprano", 52, channel=1),
    Track("Violoncello é 音", 42, bank=8, channel=5),
)
SCORE = [
    (0.0, b"\xb4\x0b\x50", 1),
    (0.0, b"\x90\x48\x64", 0),
    (0.0, b"\x94\x30\x40", 1),
    (0.4, b"\xe0\x00\x50", 0),
    (0.5, b"\x80\x48\x20", 0),
    (0.5, b"\x90\x4a\x65", 0),
    (1.25, b"\xd4\x33", 1),
    (2.0, b"\x84\x30\x40", 1),
    (2.0, b"\x80\x4a\x40", 0),
    (2.5, b"\x94\x32\x7f", 1),
    (7.25, b"\x84\x32\x40", 1),
]


def one_track(*messages: mido.Message | mido.MetaMessage, division: int = 480) -> bytes:
    file = mido.MidiFile(type=0, ticks_per_beat=division)
    file.tracks.append(mido.MidiTrack(messages))
    data = io.BytesIO()
    file.save(file=data)
    return data.getvalue()


def saved(folder: Path, data: bytes) -> Path:
    path = folder / "piece.mid"
    path.write_bytes(data)
    return path


def require(program: str) -> None:
    if shutil.which(program) is None:
        pytest.fail(f"{program} is not installed (Debian: apt-get install {program})")


NOTE = (
    mido.Message("note_on", note=60, velocity=90, time=0),
    mido.Message("note_off", note=60, time=480),
)


def test_round_trip_keeps_notes_controllers_names_programs_tempo_and_signature(
    tmp_path: Path,
) -> None:
    tempo = TempoMap.from_seconds([(0.0, 96.0), (2.0, 71.0), (5.0, 140.0)])
    signatures = ((0.0, 3, 4), (3.0, 6, 8))
    events = new_events(SCORE)
    keys = ((0.0, "Eb"), (3.0, "F#m"))
    path = write_midi(
        tmp_path / "out.mid",
        TRACKS,
        events,
        tempo,
        time_signatures=signatures,
        key_signatures=keys,
        title="Piece",
    )
    read = read_midi(path)
    assert read.key_signatures == keys
    assert read.tracks == TRACKS
    assert read.time_signatures == signatures
    assert read.messages() == [message for _, message, _ in SCORE]
    assert read.events["track"].tolist() == [track for _, _, track in SCORE]
    np.testing.assert_allclose(read.events["seconds"], events["seconds"], atol=0.5e-3)
    np.testing.assert_allclose(read.tempo.seconds, tempo.seconds, atol=1e-3)
    np.testing.assert_allclose(read.tempo.seconds_per_beat, tempo.seconds_per_beat, atol=1e-6)
    assert list(tmp_path.iterdir()) == [path]


def test_an_hour_at_an_odd_tempo_does_not_drift(tmp_path: Path) -> None:
    rows = [(3600.0, b"\x90\x48\x64", 0), (3601.0, b"\x80\x48\x40", 0)]
    path = write_midi(tmp_path / "o.mid", TRACKS[:1], new_events(rows), TempoMap.steady(97.3))
    np.testing.assert_allclose(read_midi(path).events["seconds"], [3600.0, 3601.0], atol=0.5e-3)


def test_a_later_program_change_is_written_where_it_happens(tmp_path: Path) -> None:
    path = write_midi(
        tmp_path / "o.mid", TRACKS, new_events(SCORE), programs=[(2.0, 0, 0, 61), (2.0, 1, 3, 70)]
    )
    second_track = mido.MidiFile(path).tracks[1]
    changes = [message.program for message in second_track if message.type == "program_change"]
    assert changes == [52, 61]
    assert read_midi(path).tracks == TRACKS  # the first program is the track's


def test_a_type_0_file_gives_a_track_per_channel(tmp_path: Path) -> None:
    data = one_track(
        mido.MetaMessage("track_name", name="Song"),
        mido.Message("program_change", channel=0, program=40),
        mido.Message("program_change", channel=3, program=43),
        mido.Message("note_on", channel=0, note=70, velocity=90),
        mido.Message("note_on", channel=3, note=40, velocity=90),
        mido.Message("note_on", channel=0, note=70, velocity=0, time=480),
        mido.Message("note_off", channel=3, note=40, time=480),
    )
    read = read_midi(saved(tmp_path, data))
    assert read.tracks == (Track("Song 1", 40, channel=1), Track("Song 4", 43, channel=4))
    assert read.notes()["end_seconds"].tolist() == [0.5, 1.0]


def test_controllers_in_a_track_of_their_own_reach_their_channel(tmp_path: Path) -> None:
    file = mido.MidiFile(type=1, ticks_per_beat=480)
    file.tracks.append(
        mido.MidiTrack([mido.Message("program_change", program=12), _pedal(127), _pedal(0, 240)])
    )
    file.tracks.append(mido.MidiTrack(NOTE))
    data = io.BytesIO()
    file.save(file=data)
    read = read_midi(saved(tmp_path, data.getvalue()))
    assert len(read.tracks) == 1
    assert read.tracks[0].program == 12
    assert read.messages().count(b"\xb0\x40\x7f") == 1


def _pedal(value: int, time: int = 0) -> mido.Message:
    return mido.Message("control_change", control=64, value=value, time=time)


def test_without_tempo_a_quarter_is_half_a_second(tmp_path: Path) -> None:
    assert read_midi(saved(tmp_path, one_track(*NOTE))).notes()["end_seconds"].tolist() == [0.5]


def test_a_key_that_is_none_does_not_cost_the_music(tmp_path: Path) -> None:
    data = one_track(mido.MetaMessage("key_signature", key="D"), *NOTE)
    data = data.replace(b"\xff\x59\x02\x02\x00", b"\xff\x59\x02\x63\x07")
    read = read_midi(saved(tmp_path, data))
    assert len(read.notes()) == 1
    assert read.key_signatures == ((0.0, "C"),)


def test_hanging_and_empty_notes_are_mended(tmp_path: Path) -> None:
    data = one_track(
        mido.Message("note_on", note=60, velocity=90, time=0),
        mido.Message("note_on", note=64, velocity=90, time=0),
        mido.Message("note_off", note=64, time=0),
        mido.Message("note_on", note=62, velocity=90, time=480),
        mido.Message("note_off", note=62, time=480),
        mido.Message("note_off", note=99, time=0),
    )
    notes = np.sort(read_midi(saved(tmp_path, data)).notes(), order="pitch")
    assert notes["pitch"].tolist() == [60, 62, 64]
    np.testing.assert_allclose(notes["end_seconds"], [1.0, 1.0, 0.001])


@pytest.mark.parametrize(("frames", "per_second"), [(24, 24), (25, 25), (29, 29.97), (30, 30)])
def test_smpte_time(tmp_path: Path, frames: int, per_second: float) -> None:
    data = bytearray(one_track(mido.MetaMessage("set_tempo", tempo=900_000), *NOTE))
    data[12:14] = struct.pack(">bB", -frames, 40)
    end = read_midi(saved(tmp_path, bytes(data))).notes()["end_seconds"][0]
    assert end == pytest.approx(480 / (per_second * 40), rel=1e-5)


def test_drums_only_is_read_and_leaves_nothing_for_the_keyboard(tmp_path: Path) -> None:
    data = one_track(*(message.copy(channel=9) for message in NOTE))
    read = read_midi(saved(tmp_path, data))
    assert read.tracks[0].drums
    merged = merged_to_keyboard(read)
    assert len(merged.events) == 0
    assert "1 drum notes" in merged.remarks[0]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is empty"),
        (b"RIFF....WAVE", "does not begin with MThd"),
        (b"MThd", "damaged MIDI file: it ends too early"),
        (one_track(*NOTE)[:-9], "damaged MIDI file: it ends too early"),
        (one_track(*NOTE).replace(b"MTrk", b"XTrk"), "no MTrk header"),
        (one_track(), "there are no notes"),
        (one_track(*NOTE)[:9] + b"\x02" + one_track(*NOTE)[10:], "type 2"),
        (one_track(*NOTE)[:12] + b"\x00\x00" + one_track(*NOTE)[14:], "time division is 0x0000"),
        (one_track(*NOTE)[:12] + b"\xf0\x10" + one_track(*NOTE)[14:], "time division is 0xf010"),
        (b"MThd" + bytes(5_000_000), "larger than 4 MiB"),
        (one_track(*NOTE)[:22] + b"\xff" * 1_000_000, "a number in it has no end"),
        (one_track(*NOTE)[:22] + b"\xff" * 2_000 + b"\x7f\x90\x3c\x64", "it ends too early"),
        (
            b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk\0\0\3\xf0"
            + b"\xff" * 1_000
            + b"\x7f\x90\x3c\x64"
            + b"\0\x80\x3c\x40",
            "longer than 6 hours",
        ),
        (one_track(NOTE[0], *(NOTE[1].copy(time=2**27),) * 2), "longer than 6 hours"),
    ],
)
def test_unusable_files_are_refused_in_one_sentence(tmp_path: Path, data: bytes, why: str) -> None:
    path = saved(tmp_path, data)
    with pytest.raises(MidiFileError) as refusal:
        read_midi(path)
    assert str(refusal.value).startswith(f"{path}: ")
    assert why in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.mid", tmp_path):
        with pytest.raises(MidiFileError, match="cannot be read"):
            read_midi(path)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(MidiFileError, match=r"none.out\.mid: cannot be written: No such file"):
        write_midi(tmp_path / "none" / "out.mid", TRACKS, new_events(SCORE))


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=12), st.integers(0))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_files_are_read_or_refused_but_never_anything_else(
    tmp_path: Path, changes: list[tuple[int, int]], cut: int
) -> None:
    whole = write_midi(tmp_path / "whole.mid", TRACKS, new_events(SCORE)).read_bytes()
    data = bytearray(whole)
    for place, value in changes:
        data[place % len(data)] = value
    path = saved(tmp_path, bytes(data[: len(data) - cut % 40 if cut % 3 == 0 else None]))
    try:
        read = read_midi(path)
    except MidiFileError as refusal:
        assert str(path) in str(refusal)
    else:
        assert (np.diff(read.events["seconds"]) >= 0).all()
        assert len(read.messages()) == len(read.events)


@pytest.mark.slow
def test_musescore_reads_our_file(tmp_path: Path) -> None:
    path = write_midi(
        tmp_path / "in.mid", TRACKS, new_events(SCORE), TempoMap.steady(96.0), title="Piece"
    )
    out = tmp_path / "out.musicxml"
    require("musescore3")
    subprocess.run(
        ["musescore3", "-o", str(out), str(path)],
        check=True,
        timeout=120,
        capture_output=True,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path)},
    )
    score = ElementTree.parse(out).getroot()
    names = [str(name.text) for name in score.iter("part-name")]
    for name, track in zip(names, TRACKS, strict=True):
        assert name.endswith(track.name)  # it may put the instrument's name before ours
    sounding = [note for note in score.iter("note") if note.find("pitch") is not None]
    started = [n for n in sounding if not any(t.get("type") == "stop" for t in n.findall("tie"))]
    assert len(started) == 4
    assert {sound.get("tempo") for sound in score.iter("sound") if sound.get("tempo")} == {"96"}


@pytest.mark.slow
def test_fluidsynth_plays_our_file(tmp_path: Path) -> None:
    require("fluidsynth")
    wheel = importlib.util.find_spec("pretty_midi")
    assert wheel is not None
    font = Path(str(wheel.origin)).parent / "TimGM6mb.sf2"
    path = write_midi(tmp_path / "in.mid", TRACKS, new_events(SCORE))
    out = tmp_path / "out.wav"
    command = ["fluidsynth", "-ni", "-F", str(out), "-r", "48000", str(font), str(path)]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    audio, rate_hz = soundfile.read(out)
    assert len(audio) / rate_hz > 7.0
    assert np.abs(audio).max() > 0.01


def test_reading_is_linear_in_size(tmp_path: Path) -> None:
    """A whole evening of notes is read in seconds."""
    messages = [
        message.copy(note=30 + number % 60, time=10) for number in range(10_000) for message in NOTE
    ]
    read = read_midi(saved(tmp_path, one_track(*messages)))
    assert isinstance(read, Performance)
    assert len(read.notes()) == 10_000
