"""Exports of takes: bar lines agree between notes and sound, to the sample and the tick."""

import errno
import itertools
import json
import shlex
import zipfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import mido
import numpy as np
import pytest
import soundfile

from engine.interchange.export import FORMS, export_take, find_take
from engine.interchange.song import ExportError, song_of_take
from engine.midi.files import read_midi
from engine.recorder import Recorder, RecorderSettings
from engine.takes import TransportPoint, list_takes
from engine.waves import GrowingWave
from tests.engine.interchange.dawproject_rules import faults
from tests.engine.interchange.recorded import FIRST_NOTE, ROLLING, ROWS, SETTINGS, TRIO, record
from tests.engine.take_stream import RATE_HZ, Stream, off, on, sample
from tests.engine.test_recorder import wait_for

BAR_1 = 22_000  # frame; see recorded.py
END = 54_000 + RATE_HZ
A_BEAT = 4000


@pytest.fixture
def take(tmp_path: Path) -> Path:
    return record(tmp_path / "takes", ROLLING)


@pytest.fixture
def changing(tmp_path: Path) -> Path:
    """A take whose tempo and meter change: at frame 38000 to 90 bpm, in three."""
    points = [*ROLLING, TransportPoint(38_000, 90.0, 8.0, True, 3)]
    return record(tmp_path / "takes", points)


def wave(path: Path) -> np.ndarray:
    audio, rate_hz = soundfile.read(path, dtype="float32")
    assert rate_hz == RATE_HZ
    return audio[:, 0]


def test_midi_starts_with_the_bar_of_the_first_note(take: Path, tmp_path: Path) -> None:
    path = export_take(take, ["midi"], tmp_path / "out")
    file = mido.MidiFile(path)
    assert file.type == 1
    conductor = [message.dict() for message in file.tracks[0]]
    assert {"type": "marker", "text": "Test", "time": 480} in conductor  # at the first note
    assert [track.name for track in file.tracks[1:]] == ["Violin 1", "Viola & Co", "Bass*Pedal"]
    programs = [[m.program for m in t if m.type == "program_change"] for t in file.tracks[1:]]
    assert programs == [[40], [41], [42]]
    ticks = list(itertools.accumulate(message.time for message in file.tracks[1]))
    ons = [t for t, m in zip(ticks, file.tracks[1], strict=True) if m.type == "note_on"]
    assert ons == [960 * (FIRST_NOTE - BAR_1) // A_BEAT, 960 * (38_000 - BAR_1) // A_BEAT]
    assert file.ticks_per_beat == 960
    assert {m.channel for m in file.tracks[2] if not m.is_meta} == {1}
    piece = read_midi(path)
    assert piece.tempo.seconds_per_beat == (0.5,)
    assert b"\xb1\x40\x7f" in piece.messages()


def test_stems_start_with_bar_1_and_are_the_recording_to_the_sample(
    take: Path, tmp_path: Path
) -> None:
    folder = export_take(take, ["stems"], tmp_path / "out")
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["00 Mix.wav", "01 Violin 1.wav", "02 Viola _ Co.wav"]
    for name in names:
        info = soundfile.info(folder / name)
        assert (info.subtype, info.frames, info.channels) == ("PCM_24", END - BAR_1, 2)
    violin = wave(folder / names[1])
    heard = np.flatnonzero(violin)
    expected = [*range(24_000, 30_000), *range(38_000, 54_000)]
    np.testing.assert_array_equal(heard + BAR_1, expected)
    np.testing.assert_array_equal(violin[heard], sample(np.array(expected)))
    mix = wave(folder / names[0])
    np.testing.assert_array_equal(np.flatnonzero(mix)[[0, -1]] + BAR_1, [24_000, 53_999])


def test_stems_that_lag_behind_the_notes_are_put_where_they_belong(tmp_path: Path) -> None:
    take = record(tmp_path / "takes", ROLLING, delay_frames=[700, 100, 2500])
    assert song_of_take(take).lead_frames == FIRST_NOTE - BAR_1 == 2000
    folder = export_take(take, ["stems"], tmp_path / "out")
    heard = {path.name[:2]: np.flatnonzero(wave(path)) for path in folder.iterdir()}
    assert {name: frames[0] for name, frames in heard.items()} == {
        "00": 2000 - 700,
        "01": 2000 - 100,
        "02": 4000 - 2500,  # it begins later; what was before bar 1 is cut
    }
    assert len({soundfile.info(path).frames for path in folder.iterdir()}) == 1


@pytest.mark.parametrize("tempo_bpm", [97.3, 211.7])
def test_every_note_of_the_midi_file_starts_where_it_sounds(
    tmp_path: Path, tempo_bpm: float
) -> None:
    points = [TransportPoint(1234, tempo_bpm, 0.37, True)]
    take = record(tmp_path / "takes", points)
    out = export_take(take, ["midi", "stems"], tmp_path / "out")
    notes = read_midi(out / f"{take.name}.mid").notes()
    mix = wave(out / "stems" / "00 Mix.wav")
    tick_s = 60.0 / tempo_bpm / 960
    starts = notes["start_seconds"][[0, 2]]
    onsets = np.flatnonzero((mix[1:] != 0) & (mix[:-1] == 0)) + 1
    np.testing.assert_allclose(starts, onsets / RATE_HZ, atol=0.51 * tick_s)
    # ... and the first bar line is the transport's
    song = song_of_take(take)
    frames_a_bar = 4 * 60.0 / tempo_bpm * RATE_HZ
    first_frame = FIRST_NOTE - song.lead_frames
    bars = (first_frame - (1234 - 0.37 * frames_a_bar / 4)) / frames_a_bar
    assert bars == pytest.approx(round(bars), abs=0.51 / frames_a_bar)
    assert 0 <= song.lead_frames < frames_a_bar


def test_tempo_and_meter_changes_are_in_every_kind(changing: Path, tmp_path: Path) -> None:
    out = export_take(changing, list(FORMS), tmp_path / "out")
    piece = read_midi(out / f"{changing.name}.mid")
    assert piece.tempo.beats == pytest.approx((0.0, 4.0))
    assert [60 / r for r in piece.tempo.seconds_per_beat] == pytest.approx([120, 90], abs=1e-3)
    assert piece.time_signatures == ((0.0, 4, 4), (4.0, 3, 4))
    project = project_of(out / f"{changing.name}.dawproject")
    assert values(project, "Arrangement/TempoAutomation/RealPoint", "time", "value") == [
        (0.0, 120.0),
        (4.0, 90.0),
    ]
    meters = values(
        project,
        "Arrangement/TimeSignatureAutomation/TimeSignaturePoint",
        *("time", "numerator", "denominator"),
    )
    assert meters == [(0.0, 4.0, 4.0), (4.0, 3.0, 4.0)]
    points = lines(rpp_of(out / f"{changing.name}.rpp"), "TEMPOENVEX", "PT")
    assert [tuple(map(float, words)) for words in points] == [
        (0.0, 120.0, 1.0, 4 * 65536 + 4),
        (2.0, 90.0, 1.0, 4 * 65536 + 3),
    ]


# ---- DAWproject --------------------------------------------------------------------------


def project_of(path: Path) -> ElementTree.Element:
    with zipfile.ZipFile(path) as archive:
        return ElementTree.fromstring(archive.read("project.xml"))


def values(root: ElementTree.Element, path: str, *names: str) -> list[tuple]:
    return [tuple(float(e.attrib[name]) for name in names) for e in root.iterfind(path)]


def test_dawproject_is_legal_and_whole(take: Path, tmp_path: Path) -> None:
    path = export_take(take, ["dawproject"], tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == [path]
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        project = ElementTree.fromstring(archive.read("project.xml"))
        metadata = ElementTree.fromstring(archive.read("metadata.xml"))
        assert archive.namelist()[:2] == ["project.xml", "metadata.xml"]
        sounds = {e.attrib["path"] for e in project.iter("File")}
        assert set(archive.namelist()[2:]) == sounds
        for sound in sounds:
            (tmp_path / "sound.wav").write_bytes(archive.read(sound))
            assert soundfile.info(tmp_path / "sound.wav").frames == END - BAR_1
    assert (project.tag, metadata.tag) == ("Project", "MetaData")
    assert faults(project) == []
    assert faults(metadata) == []


def test_the_checker_finds_what_is_against_the_rules(take: Path, tmp_path: Path) -> None:
    project = project_of(export_take(take, ["dawproject"], tmp_path / "out"))
    note = next(project.iter("Note"))
    del note.attrib["key"]
    note.set("vel", "nan")
    next(project.iter("Target")).set("parameter", "nobody")
    next(project.iter("Channel")).insert(0, ElementTree.Element("Volume", unit="loudness"))
    project.append(ElementTree.Element("Piano", id="master"))
    assert set(faults(project)) == {
        "Note lacks key",
        "Note vel='nan' is illegal",
        "Target parameter='nobody' is illegal",
        "Volume unit='loudness' is illegal",
        "Channel: Mute is out of place",
        "Channel: Pan is out of place",
        "Channel: Volume is out of place",
        "Project: Piano is out of place",
        "Piano is no element of the format",
        "the id master is given twice",
    }


def test_dawproject_has_the_parts_with_notes_and_sound(take: Path, tmp_path: Path) -> None:
    project = project_of(export_take(take, ["dawproject"], tmp_path / "out"))
    tracks = [(t.get("name"), t.get("contentType")) for t in project.iterfind("Structure/Track")]
    assert tracks == [
        ("Violin 1", "notes"),
        ("Violin 1 audio", "audio"),
        ("Viola & Co", "notes"),
        ("Viola & Co audio", "audio"),
        ("Bass*Pedal", "notes"),  # it never sounded
        ("Master", "audio notes"),
    ]
    lanes = {lane.get("track"): lane for lane in project.iterfind("Arrangement/Lanes/Lanes")}
    notes = values(lanes["notes0"], ".//Note", "time", "duration", "channel", "key", "vel")
    assert notes == [
        (0.5, 1.5, 0.0, 72.0, pytest.approx(100 / 127)),
        (4.0, 4.0, 0.0, 74.0, pytest.approx(100 / 127)),
    ]
    (clip,) = lanes["audio0"].iterfind("Clips/Clip")
    assert clip.get("contentTimeUnit") == "seconds"
    assert values(clip, "Audio", "duration", "sampleRate") == [((END - BAR_1) / RATE_HZ, RATE_HZ)]
    assert float(clip.get("duration", "")) == pytest.approx((END - BAR_1) / A_BEAT)
    points = {
        (target.get("expression"), target.get("controller")): values(
            lane, "RealPoint", "time", "value"
        )
        for lane in lanes["notes1"].iterfind(".//Points")
        if (target := lane.find("Target")) is not None
    }
    assert points == {
        ("channelController", "64"): [(0.5, 1.0), (2.5, 0.0)],
        ("pitchBend", None): [(2.0, pytest.approx(96 * 128 / 16383))],
        ("channelPressure", None): [(3.25, pytest.approx(33 / 127))],
    }
    assert values(project, "Arrangement/Markers/Marker", "time") == [(0.5,)]


# ---- Reaper ------------------------------------------------------------------------------

Block = tuple[list[str], list]  # the words that open it; lines of words and blocks within


def rpp_of(path: Path) -> Block:
    """A project as nested blocks; fails on what a reader of the format would not take."""
    root: Block = ([], [])
    open_blocks = [root]
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.strip()
        assert len(line) - len(text) == 2 * (len(open_blocks) - 1 - (text == ">"))
        if text == ">":
            open_blocks.pop()
            continue
        words = shlex.split(text.removeprefix("<").replace("`", '"'))
        if text.startswith("<"):
            block: Block = (words, [])
            open_blocks[-1][1].append(block)
            open_blocks.append(block)
        else:
            open_blocks[-1][1].append(words)
    assert len(open_blocks) == 1
    (project,) = root[1]
    return project


def blocks(block: Block, name: str) -> list[Block]:
    found = [inner for inner in block[1] if isinstance(inner, tuple)]
    return [inner for inner in found if inner[0][0] == name]


def lines(block: Block, *names: str) -> list[list[str]]:
    for name in names[:-1]:
        (block,) = blocks(block, name)
    inside = [inner for inner in block[1] if isinstance(inner, list)]
    return [words[1:] for words in inside if words[0] == names[-1]]


def test_reaper_project_has_the_parts_with_notes_and_sound(take: Path, tmp_path: Path) -> None:
    path = export_take(take, ["rpp"], tmp_path / "out")
    project = rpp_of(path)
    assert project[0][:2] == ["REAPER_PROJECT", "0.1"]
    assert lines(project, "TEMPO") == [["120", "4", "4"]]
    assert lines(project, "SAMPLERATE")[0][:2] == [str(RATE_HZ), "1"]
    assert lines(project, "MARKER") == [["1", "0.25", "Test", "0"]]
    tracks = blocks(project, "TRACK")
    assert [lines(track, "NAME")[0][0] for track in tracks] == [
        *("Violin 1", "Violin 1 audio", "Viola & Co", "Viola & Co audio", "Bass*Pedal"),
    ]
    length = (END - BAR_1) / RATE_HZ
    for track in tracks:
        (item,) = blocks(track, "ITEM")
        assert lines(item, "POSITION") == [["0"]]
        assert float(lines(item, "LENGTH")[0][0]) == length
        (source,) = blocks(item, "SOURCE")
        for (file,) in lines(source, "FILE"):
            assert soundfile.info(path.parent / file).frames == END - BAR_1
    assert lines(tracks[0], "ITEM", "SOURCE", "HASDATA") == [["1", "960", "QN"]]
    events = lines(tracks[0], "ITEM", "SOURCE", "E")
    ticks = list(itertools.accumulate(int(words[0]) for words in events))
    assert [(t, *words[1:]) for t, words in zip(ticks, events, strict=True)] == [
        (0, "b0", "00", "00"),
        (0, "c0", "28", "00"),
        (480, "90", "48", "64"),
        (1920, "80", "48", "40"),
        (3840, "90", "4a", "64"),
        (7680, "80", "4a", "40"),
        (9600, "b0", "7b", "00"),
    ]
    channels = {words[1][1] for words in lines(tracks[2], "ITEM", "SOURCE", "E")}
    assert channels == {"1"}


def test_names_with_every_kind_of_quote_stay_one_word(tmp_path: Path) -> None:
    from engine.interchange.reaper import _quoted

    assert [_quoted(t) for t in ("a b", 'a "b"', "a \"b\" 'c'", "a \"b\" 'c' `d`", "a\n>")] == [
        '"a b"',
        "'a \"b\"'",
        "`a \"b\" 'c'`",
        "`a \"b\" 'c' 'd'`",
        '"a >"',
    ]


# ---- takes -------------------------------------------------------------------------------


def test_a_take_without_stems_is_exported_with_its_mix(tmp_path: Path) -> None:
    settings = RecorderSettings("float", 1.0, stems=False, reserve_bytes=0)
    take = record(tmp_path / "takes", ROLLING, settings=settings)
    out = export_take(take, list(FORMS), tmp_path / "out")
    project = project_of(out / f"{take.name}.dawproject")
    assert faults(project) == []
    assert [file.get("path") for file in project.iter("File")] == ["audio/00 Mix.wav"]
    assert len(blocks(rpp_of(out / f"{take.name}.rpp"), "TRACK")) == 4
    mix = wave(out / "stems" / "00 Mix.wav")
    np.testing.assert_array_equal(
        mix[FIRST_NOTE - BAR_1 :][:6000], sample(np.arange(24_000, 30_000))
    )


def test_another_ensemble_in_the_middle_is_a_marker_and_a_program(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "takes", TRIO, RATE_HZ, settings=SETTINGS)
    stream = Stream(recorder, ROWS)
    stream.run(4.0)
    brass = tuple(replace(part, program=60) for part in TRIO.parts)
    other = replace(TRIO, name="Brass", parts=brass)
    recorder.ensemble_changed(other, stream.frame)
    stream.run(5.0)
    recorder.close()
    (take,) = (tmp_path / "takes").iterdir()
    out = export_take(take, list(FORMS), tmp_path / "out")
    song = song_of_take(take)
    assert [name for _, name in song.markers] == ["Test", "Brass"]
    assert song.markers[1][0] == pytest.approx((32_000 - FIRST_NOTE) / A_BEAT)
    programs = [
        m.program
        for m in mido.MidiFile(out / f"{take.name}.mid").tracks[1]
        if m.type == "program_change"
    ]
    assert programs == [40, 60]
    events = lines(blocks(rpp_of(out / f"{take.name}.rpp"), "TRACK")[0], "ITEM", "SOURCE", "E")
    assert [words[2] for words in events if words[1] == "c0"] == ["28", "3c"]


def test_takes_are_found_by_name_path_and_as_the_last(take: Path) -> None:
    takes = take.parent
    assert find_take(take, takes) == take
    assert find_take(take.name, takes) == take
    assert find_take("last", takes) == take
    newer = takes / "zzz"  # as it is while it is recorded
    newer.mkdir()
    for name in ("take.json", "events.journal"):
        (newer / name).write_bytes((take / name).read_bytes())
    assert find_take("last", takes) == take
    (take / "take.mid").unlink()
    assert find_take("last", takes) == newer
    with pytest.raises(ExportError, match="no such take, neither here nor in"):
        find_take("yesterday", takes)
    with pytest.raises(ExportError, match="There are no takes in"):
        find_take("last", takes / "empty")


def test_what_was_kept_last_is_the_last_take(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, TRIO, RATE_HZ, settings=SETTINGS)
    stream = Stream(recorder, [on(0, 1, 0), off(4000, 1, 0), on(40_000, 2, 0), off(44_000, 2, 0)])
    stream.run(8.0)
    wait_for(lambda: recorder._writer.backlog_frames == 0 and not recorder.recording)
    kept = recorder.keep()  # begins with the first of two takes
    recorder.close()
    assert len(list_takes(tmp_path)) == 3
    description = json.loads((kept / "take.json").read_text())
    assert description["end_frame"] == 8 * RATE_HZ
    assert find_take("last", tmp_path) == kept


def test_by_default_it_goes_into_the_take(take: Path) -> None:
    assert export_take(take, ["midi"]) == take / "export" / f"{take.name}.mid"


def test_what_cannot_be_exported_is_said_in_one_sentence(take: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"'aaf' is not one of midi, stems, dawproject, rpp"):
        export_take(take, ["aaf"])
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ExportError, match="cannot be exported there: File exists"):
        export_take(take, ["midi"], tmp_path / "file")
    (take / "master.wav").write_bytes(b"RIFF")
    with pytest.raises(ExportError, match="cannot be exported there") as refusal:
        export_take(take, ["stems"], tmp_path / "out")
    assert "\n" not in str(refusal.value)


def test_a_full_disk_is_said_and_leaves_nothing_half_done(
    take: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(GrowingWave, "write", full)
    for form in ("stems", "dawproject", "rpp"):
        with pytest.raises(ExportError, match="cannot be exported there: the disk is full"):
            export_take(take, [form], tmp_path / form)
        assert [path for path in (tmp_path / form).rglob("*") if path.is_file()] == []


def test_a_take_that_is_being_recorded_is_refused(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, TRIO, RATE_HZ, settings=SETTINGS)
    Stream(recorder, [on(0, 1, 0)]).run(1.0)
    while not list(tmp_path.glob("*/take.json")) or not list(tmp_path.glob("*/master.wav")):
        pass
    (take,) = tmp_path.iterdir()
    with pytest.raises(ExportError, match="still being recorded"):
        song_of_take(take)
    recorder.close()
    assert song_of_take(take).frames == RATE_HZ


def test_a_take_of_an_earlier_version_is_read(take: Path) -> None:
    description = json.loads((take / "take.json").read_text())
    del description["transport"]
    description["tempos"] = [{"frame": 0, "tempo_bpm": 90.0}]
    (take / "take.json").write_text(json.dumps(description))
    song = song_of_take(take)
    assert song.lead_frames == 0
    assert 60 / song.tempo.seconds_per_beat[0] == pytest.approx(90.0)
