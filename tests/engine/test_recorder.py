"""Takes: where they begin and end, what is in them, and what a slow or full disk does."""

import errno
import os
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from engine import take_writer
from engine.core import Engine
from engine.ensembles import load_ensemble
from engine.midi.files import read_midi
from engine.midi.performance import Performance, new_events
from engine.midi.player import Feeder
from engine.recorder import Recorder, RecorderSettings
from engine.takes import TakeInfo, TransportPoint, read_journal
from engine.waves import GrowingWave, file_name
from tests.engine.take_stream import (
    RATE_HZ,
    Stream,
    clock,
    control,
    ensemble,
    moved,
    off,
    on,
    panic,
    sample,
)

SETTINGS = RecorderSettings(sample_format="float", silence_seconds=1.0, reserve_bytes=0)
CHOIR = ensemble("Soprano", "Alto", "Bass*Pedal")


class Taping:
    """A recorder with its folder and what it said."""

    def __init__(self, folder: Path, settings: RecorderSettings = SETTINGS) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.recorder = Recorder(
            folder, CHOIR, RATE_HZ, settings=settings, tempo_bpm=90.0, on_message=self.said.append
        )

    def play(self, rows: list[tuple], seconds: float, block: int = 400) -> Stream:
        stream = Stream(self.recorder, rows, block)
        stream.run(seconds)
        return stream

    @property
    def takes(self) -> list[Path]:
        return sorted(self.folder.iterdir(), key=lambda path: TakeInfo.load(path).start_frame)


@pytest.fixture
def taping(tmp_path: Path) -> Iterator[Taping]:
    taping = Taping(tmp_path / "takes")
    yield taping
    taping.recorder.close()


def wave(path: Path) -> np.ndarray:
    audio, rate_hz = soundfile.read(path, dtype="float32")
    assert rate_hz == RATE_HZ
    return audio


PHRASE = [on(1000, 1, 0, 72), on(1000, 2, 1, 60), off(5000, 1, 0, 72), off(9000, 2, 1, 60)]


@pytest.mark.parametrize("block", [64, 400, 5000])
def test_a_take_is_aligned_to_its_first_note_and_ends_after_silence(
    taping: Taping, block: int
) -> None:
    taping.play(PHRASE, 4.0, block)
    taping.recorder.close()
    (take,) = taping.takes
    master = wave(take / "master.wav")
    assert len(master) == 8000 + RATE_HZ  # the music, and a second of silence
    np.testing.assert_array_equal(master[:8000, 0], sample(np.arange(1000, 9000)))
    assert not master[8000:].any()
    soprano = wave(take / "stems" / "1-Soprano.wav")
    assert len(soprano) == len(master)
    np.testing.assert_array_equal(soprano[:4000, 1], sample(np.arange(1000, 5000)))
    assert not soprano[4000:].any()
    assert sorted(path.name for path in (take / "stems").iterdir()) == [
        "1-Soprano.wav",
        "2-Alto.wav",
    ]
    assert taping.said == []


def test_the_midi_file_has_a_track_a_part(taping: Taping) -> None:
    rows = [*PHRASE, control(3000, 1, 0xB0, 11, 99), control(4000, 1, 0xE0, 0, 80)]
    taping.play(rows, 4.0)
    taping.recorder.close()
    (take,) = taping.takes
    piece = read_midi(take / "take.mid")
    assert [(t.name, t.program, t.channel) for t in piece.tracks] == [
        ("Soprano", 52, 1),
        ("Alto", 53, 2),
    ]
    notes = piece.notes()
    assert notes["pitch"].tolist() == [72, 60]
    np.testing.assert_allclose(notes["start_seconds"], 0.0, atol=1e-3)
    np.testing.assert_allclose(notes["end_seconds"], [0.5, 1.0], atol=1e-3)
    assert b"\xb1\x0b\x63" in piece.messages()
    assert b"\xe1\x00\x50" in piece.messages()
    assert 60.0 / piece.tempo.seconds_per_beat[0] == pytest.approx(90.0, abs=1e-3)
    names = [track.name for track in mido.MidiFile(take / "take.mid").tracks]
    assert names == [take.name, "Soprano", "Alto", "Bass*Pedal"]


def test_a_part_that_first_sounds_late_is_padded_with_silence(taping: Taping) -> None:
    late = 3 * RATE_HZ
    rows = [on(0, 1, 0), on(late, 2, 2), off(late + 80, 2, 2), off(late + 80, 1, 0)]
    taping.play(rows, 6.0)
    taping.recorder.close()
    (take,) = taping.takes
    stem = wave(take / "stems" / "3-Bass_Pedal.wav")
    assert len(stem) == len(wave(take / "master.wav")) == late + 80 + RATE_HZ
    np.testing.assert_array_equal(np.flatnonzero(stem[:, 0]), np.arange(late, late + 80))


def test_silence_parts_takes_and_held_notes_do_not(taping: Taping) -> None:
    second = RATE_HZ
    rows = [
        on(second, 1, 0),
        off(4 * second, 1, 0),  # held for three seconds: one take
        on(4 * second + 7000, 2, 0),  # less than a second later: the same
        off(5 * second, 2, 0),
        on(6 * second + 1, 3, 0),  # more than a second later: another
        off(7 * second, 3, 0),
    ]
    taping.play(rows, 9.0)
    taping.recorder.close()
    spans = [(i.start_frame, i.end_frame) for i in map(TakeInfo.load, taping.takes)]
    assert spans == [(second, 6 * second), (6 * second + 1, 8 * second)]
    assert [len(wave(take / "master.wav")) for take in taping.takes] == [5 * second, 2 * second - 1]


def test_a_note_reported_after_its_sound_loses_nothing(
    taping: Taping, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Stream(taping.recorder, [on(2000, 1, 0), off(6000, 1, 0)])
    late: list[np.ndarray] = []
    with monkeypatch.context() as held_back:
        held_back.setattr(taping.recorder, "events", late.append)
        stream.run(0.6)  # the report of the note-on waits until frame 4800
    for records in late:
        taping.recorder.events(records)
    stream.run(2.0)
    taping.recorder.close()
    master = wave(taping.takes[0] / "master.wav")
    np.testing.assert_array_equal(master[:4000, 0], sample(np.arange(2000, 6000)))


def test_panic_ends_what_is_held(taping: Taping) -> None:
    taping.play([on(0, 1, 0), panic(4000)], 3.0)
    taping.recorder.close()
    (take,) = taping.takes
    assert TakeInfo.load(take).end_frame == 4000 + RATE_HZ
    assert read_midi(take / "take.mid").notes()["end_seconds"] == pytest.approx(0.5, abs=1e-3)


def test_pedals_and_levels_set_before_the_first_note_are_in_the_take(taping: Taping) -> None:
    rows = [control(100, 0, 0xB0, 64, 0), control(200, 0, 0xB0, 64, 127)]
    taping.play([*rows, on(3000, 1, 0), off(4000, 1, 0)], 2.0)
    taping.recorder.close()
    messages = read_midi(taping.takes[0] / "take.mid").messages()
    assert messages[:2] == [b"\xb0\x40\x7f", b"\x90\x3c\x64"]


def test_a_note_that_moved_is_written_where_it_ended_up(taping: Taping) -> None:
    taping.play([on(0, 1, 0), moved(240, 1, 1, 0), off(4000, 1, 1)], 2.0)
    taping.recorder.close()
    piece = read_midi(taping.takes[0] / "take.mid")
    assert [track.name for track in piece.tracks] == ["Alto"]
    assert piece.notes()["start_seconds"].tolist() == [0.0]


def test_another_ensemble_in_the_middle_of_a_take(taping: Taping) -> None:
    stream = taping.play([on(0, 1, 0), on(8000, 2, 3), off(9000, 1, 0), off(9000, 2, 3)], 0.5)
    quartet = ensemble("Violin", "Violin 2", "Viola", "Cello", ident="quartet", first_program=40)
    taping.recorder.ensemble_changed(quartet, stream.frame)
    stream.rows.insert(0, clock(TransportPoint(stream.frame, 120.0)))
    stream.run(3.0)
    taping.recorder.close()
    (take,) = taping.takes
    tracks = mido.MidiFile(take / "take.mid").tracks
    assert [track.name for track in tracks[1:]] == [
        "Soprano, Violin",
        "Alto, Violin 2",
        "Bass*Pedal, Viola",
        "Cello",
    ]
    programs = [message.program for message in tracks[1] if message.type == "program_change"]
    assert programs == [52, 40]
    assert np.flatnonzero(wave(take / "stems" / "4-Cello.wav")[:, 0]).tolist() == [
        *range(8000, 9000)
    ]
    tempos = read_midi(take / "take.mid").tempo
    assert tempos.seconds == pytest.approx((0.0, 0.5), abs=1e-3)
    assert tempos.seconds_per_beat == pytest.approx((2 / 3, 0.5), abs=1e-5)


def test_a_take_without_a_pause_goes_on_as_another(tmp_path: Path) -> None:
    taping = Taping(tmp_path, RecorderSettings("float", 1.0, longest_seconds=3.0, reserve_bytes=0))
    taping.play([control(0, 0, 0xB0, 64, 127), on(100, 1, 0), off(30_000, 1, 0)], 6.0)
    taping.recorder.close()
    lengths = [len(wave(take / "master.wav")) for take in taping.takes]
    assert lengths == [24_000, 5_900 + RATE_HZ]
    second = taping.takes[1]
    assert wave(second / "master.wav")[0, 0] == sample(np.array(24_100))
    piece = read_midi(second / "take.mid")
    assert piece.messages()[0] == b"\xb0\x40\x7f"
    assert piece.notes()["end_seconds"] == pytest.approx(5_900 / RATE_HZ, abs=1e-3)


def test_closing_ends_the_take_at_once(taping: Taping) -> None:
    taping.play([on(0, 1, 0)], 1.0)
    assert taping.recorder.take_seconds == 1.0
    taping.recorder.close()
    taping.recorder.close()
    assert not taping.recorder.recording
    (take,) = taping.takes
    assert len(wave(take / "master.wav")) == RATE_HZ
    assert read_midi(take / "take.mid").notes()["end_seconds"] == pytest.approx(1.0, abs=1e-3)


def test_without_a_note_there_is_no_take(taping: Taping) -> None:
    taping.play([control(100, 0, 0xB0, 64, 127)], 2.0)
    taping.recorder.close()
    assert not taping.folder.exists()


def test_24_bits_and_no_stems(tmp_path: Path) -> None:
    taping = Taping(tmp_path, RecorderSettings("24-bit", 1.0, stems=False, reserve_bytes=0))
    taping.play(PHRASE, 4.0)
    taping.recorder.close()
    (take,) = taping.takes
    assert soundfile.info(take / "master.wav").subtype == "PCM_24"
    np.testing.assert_array_equal(
        wave(take / "master.wav")[:8000, 0], sample(np.arange(1000, 9000))
    )
    assert not (take / "stems").exists()


def test_missing_audio_is_a_gap_and_what_follows_is_in_place(
    taping: Taping, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = taping.play([on(0, 1, 0), off(12_000, 1, 0)], 0.5)
    with monkeypatch.context() as missing:
        missing.setattr(taping.recorder, "audio", lambda block, frame: None)
        stream.run(0.25)
    stream.run(2.0)
    taping.recorder.close()
    master = wave(taping.takes[0] / "master.wav")[:, 0]
    np.testing.assert_array_equal(np.flatnonzero(master), [*range(4000), *range(6000, 12_000)])


def test_all_but_the_last_second_is_on_disk_while_recording(taping: Taping) -> None:
    rows = [on(0, 1, 0)]
    stream = Stream(taping.recorder, rows)
    for _ in range(30):
        stream.run(0.1)
        behind = RATE_HZ
        deadline = time.monotonic() + 5.0
        while stream.frame > RATE_HZ and behind >= 0.8 * RATE_HZ:
            assert time.monotonic() < deadline
            if taping.recorder.recording:
                behind = stream.frame - soundfile.info(taping.takes[0] / "master.wav").frames
    assert len(read_journal(taping.takes[0])) == 1


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5.0
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_slow_disk_drops_audio_says_so_once_and_never_blocks(
    taping: Taping, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, slow = GrowingWave.write, [True]

    def sticky(wave: GrowingWave, audio: np.ndarray, at_frame: int) -> None:
        while slow[0]:
            time.sleep(0.005)
        write(wave, audio, at_frame)

    monkeypatch.setattr(GrowingWave, "write", sticky)
    begun = time.monotonic()
    stream = taping.play([on(0, 1, 0), off(100_000, 1, 0)], 10.0)
    assert time.monotonic() - begun < 2.0
    assert taping.recorder.dropped_frames > RATE_HZ
    assert taping.said == ["The disk is too slow: the recording has gaps, the music goes on."]
    slow[0] = False
    wait_for(lambda: taping.recorder._writer.backlog_frames == 0)
    stream.run(5.0)
    taping.recorder.close()
    (take,) = taping.takes
    master = wave(take / "master.wav")[:, 0]
    heard = np.flatnonzero(master)
    assert TakeInfo.load(take).dropped_frames == taping.recorder.dropped_frames
    assert 100_000 - len(heard) == taping.recorder.dropped_frames
    np.testing.assert_array_equal(master[heard], sample(heard))  # nothing shifted
    assert len(taping.said) == 1


def test_a_failing_write_stops_the_take_with_one_sentence_and_the_next_is_recorded(
    taping: Taping, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    stream = taping.play([on(0, 1, 0), off(8000, 1, 0), on(24_000, 2, 0), off(32_000, 2, 0)], 0.5)
    wait_for(lambda: taping.recorder._writer.backlog_frames == 0)
    with monkeypatch.context() as broken:
        broken.setattr(GrowingWave, "write", full)
        stream.run(0.5)
        wait_for(lambda: bool(taping.said))
    stream.run(1.5)
    assert not taping.recorder.recording
    stream.run(3.0)
    taping.recorder.close()
    assert taping.said == [
        "Recording stopped, the music goes on: the disk is full.",
        "Recording works again.",
    ]
    first, second = taping.takes
    assert len(wave(first / "master.wav")) == 4000
    assert len(wave(second / "master.wav")) == 8000 + RATE_HZ


def test_a_folder_that_cannot_be_made_is_said_once_for_all_takes(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    taping = Taping(tmp_path / "file")
    taping.play([on(0, 1, 0), off(800, 1, 0), on(16_000, 2, 0), off(17_000, 2, 0)], 4.0)
    taping.recorder.close()
    assert taping.said == ["Recording stopped, the music goes on: File exists."]


def test_a_power_cut_costs_no_more_than_a_crash(
    taping: Taping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything written is handed to the disk itself at least as often as asked."""
    synced: dict[int, list[int]] = {}  # file -> its lengths when it was synced
    real = os.fsync

    def spy(descriptor: int) -> None:
        status = os.fstat(descriptor)
        synced.setdefault(status.st_ino, []).append(status.st_size)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    for name in ("SYNC_SECONDS", "SYNC_PAUSES"):
        monkeypatch.setattr(take_writer, name, 0.0)
    stream = Stream(taping.recorder, [on(0, 1, 0), off(40_000, 1, 0)])
    for _ in range(6):
        stream.run(1.0)
        wait_for(lambda: taping.recorder._writer.backlog_frames == 0)
    taping.recorder.close()
    (take,) = taping.takes
    lengths = synced[(take / "master.wav").stat().st_ino]
    assert len(lengths) >= 4
    assert max(np.diff(lengths)) <= 1.1 * RATE_HZ * 8  # bytes of a second
    for path in (*take.rglob("*"), taping.folder):
        assert synced[path.stat().st_ino][-1] == path.stat().st_size, path


def test_little_room_is_left_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taping = Taping(tmp_path, RecorderSettings("float", 1.0, reserve_bytes=1 << 62))
    taping.play([on(0, 1, 0), off(800, 1, 0)], 2.0)
    taping.recorder.close()
    assert taping.said == ["Recording stopped, the music goes on: the disk is full."]
    assert list(tmp_path.iterdir()) == []


class SmallDisk:
    """A disk of 1 MiB of its own for root; for others, a limit on the size of files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
        is_root = os.geteuid() == 0
        self.mounted = is_root and subprocess.run(mount, capture_output=True).returncode == 0
        if not self.mounted:
            resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, self._limits[1]))

    def make_room(self) -> None:
        for path in sorted(self.folder.rglob("*.wav")):
            path.unlink()
        resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)

    def close(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)
        if self.mounted:
            subprocess.run(["umount", str(self.folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    disk = SmallDisk(tmp_path)
    yield disk
    disk.close()


def test_a_really_full_disk_keeps_what_is_written(small_disk: SmallDisk) -> None:
    taping = Taping(small_disk.folder)
    rows = [on(0, 1, 0), off(200_000, 1, 0), on(240_000, 2, 1)]
    stream = Stream(taping.recorder, rows)
    for _ in range(28):
        stream.run(1.0)
        wait_for(lambda: taping.recorder._writer.backlog_frames == 0)
    (sentence,) = taping.said
    assert sentence.startswith("Recording stopped, the music goes on: ")
    assert sentence.endswith("the disk is full.") or not small_disk.mounted
    (take,) = taping.takes
    master = wave(take / "master.wav")[:, 0]
    assert len(master) > 3 * RATE_HZ
    np.testing.assert_array_equal(master, sample(np.arange(len(master))))
    small_disk.make_room()
    stream.run(4.0)
    taping.recorder.close()
    assert taping.said[1:] == ["Recording works again."]
    assert len(wave(taping.takes[1] / "stems" / "2-Alto.wav")) == 2 * RATE_HZ


def test_a_take_of_the_real_engine_is_aligned_with_its_midi_file(tmp_path: Path) -> None:
    choir = load_ensemble("satb_choir")
    settings = RecorderSettings(silence_seconds=1.0, reserve_bytes=0)
    recorder = Recorder(tmp_path, choir, 48_000, settings=settings)
    engine = Engine(48_000)
    engine.apply(choir)
    rows = [(0.1, bytes((0x90, key, 100)), 0) for key in (48, 57, 64, 72)]
    rows += [(0.6, bytes((0x80, key, 64)), 0) for key in (48, 57, 64, 72)]
    piece = Performance("chord", new_events(rows), ())
    feeder = Feeder(engine, piece, rate_hz=48_000)
    while engine.frame < 2 * 48_000:
        frame = engine.frame
        feeder.feed(frame + 1024)
        audio = engine.render(1024, 64, stems=True)
        recorder.events(engine.results())
        recorder.audio(audio, frame)
    engine.close()
    recorder.close()
    (take,) = tmp_path.iterdir()
    read = read_midi(take / "take.mid")
    assert [track.name for track in read.tracks] == [part.name for part in choir.parts]
    notes = read.notes()
    np.testing.assert_allclose(notes["start_seconds"], 0.0, atol=3e-3)
    np.testing.assert_allclose(notes["end_seconds"], 0.5, atol=3e-3)
    stems = sorted((take / "stems").iterdir())
    assert len(stems) == 4
    for stem in stems:
        audio, _ = soundfile.read(stem)
        assert 0 <= np.flatnonzero(np.abs(audio[:, 0]) > 1e-4)[0] < 480


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"sample_format": "mp3"}, "sample_format must be one of 24-bit, float, got 'mp3'"),
        ({"silence_seconds": 0.0}, "silence_seconds must be 0 to 3600, got 0.0"),
        ({"longest_seconds": 9999.0}, "longest_seconds must be 1 to 7200, got 9999.0"),
    ],
)
def test_settings_name_the_legal_range(fields: dict, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        RecorderSettings(**fields)


def test_names_of_folders_and_files_are_legal_everywhere() -> None:
    assert file_name("Bass / Pedal: 16'") == "Bass _ Pedal_ 16"
    assert file_name("Flûte à bec") == "Flûte à bec"
    assert file_name("///") == "part"
