"""What was played lately becomes a take: the right span, bit by bit, and nothing else stays."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine import keeping
from engine.errors import RipienoError
from engine.interchange.song import song_of_take
from engine.keeping import new_rolling_folder
from engine.midi.files import read_midi
from engine.paths import cache_folder
from engine.recorder import ROLLING, Recorder, RecorderSettings
from engine.takes import TakeInfo, TransportPoint, list_takes, recover_takes
from tests.engine.take_stream import (
    RATE_HZ,
    Stream,
    clock,
    control,
    ensemble,
    moved,
    off,
    on,
    sample,
)

SHORT = replace(ROLLING, silence_seconds=1.0, longest_seconds=3.0, reserve_bytes=0)
DUO = ensemble("High", "Low")


class Rolling:
    """A recorder that keeps nothing by itself."""

    def __init__(self, folder: Path, settings: RecorderSettings = SHORT) -> None:
        self.kept, self.rolling = folder / "kept", folder / "rolling"
        self.said: list[str] = []
        self.recorder = Recorder(
            self.rolling,
            DUO,
            RATE_HZ,
            settings=settings,
            on_message=self.said.append,
            keep_folder=self.kept,
        )

    def play(self, rows: list[tuple], seconds: float) -> Stream:
        stream = Stream(self.recorder, rows)
        while stream.frame < round(seconds * RATE_HZ):  # no faster than the disk
            stream.run(min(1.0, seconds - stream.frame / RATE_HZ))
            wait_for(lambda: self.recorder._writer.backlog_frames == 0)
        return stream

    def keep(self, seconds: float = 600.0) -> Path:
        folder = self.recorder.keep(seconds)
        wait_for(lambda: bool(self.said))
        return folder


@pytest.fixture
def rolling(tmp_path: Path):
    rolling = Rolling(tmp_path)
    yield rolling
    rolling.recorder.close()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20.0
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def wave(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32")[0][:, 0]


def held_for_ten_seconds() -> list[tuple]:
    """Cut into four recordings by the recorder: joints at 24000, 48000 and 72000 frames."""
    return [
        control(0, 1, 0xB0, 64, 127),
        on(100, 1, 0, 60),
        on(30_000, 2, 1, 48),
        off(50_000, 2, 1, 48),
        moved(60_000, 1, 1, 0),
        off(80_000, 1, 1, 60),
    ]


def test_what_was_played_is_one_take_with_nothing_at_the_joints(rolling: Rolling) -> None:
    rolling.play(held_for_ten_seconds(), 10.5)
    assert not rolling.kept.exists()
    take = rolling.keep()
    assert rolling.said == [f"Kept 10 s of what you played: {take}"]
    assert take.parent == rolling.kept
    master = wave(take / "master.wav")
    assert len(master) == 10.5 * RATE_HZ - 100
    np.testing.assert_array_equal(master[:79_900], sample(np.arange(100, 80_000)))
    high, low = (wave(take / "stems" / name) for name in ("1-High.wav", "2-Low.wav"))
    assert len(high) == len(low) == len(master)
    np.testing.assert_array_equal(np.flatnonzero(high), np.arange(59_900))
    np.testing.assert_array_equal(low[59_900:79_900], sample(np.arange(60_000, 80_000)))
    piece = read_midi(take / "take.mid")
    assert [note["pitch"] for note in piece.notes()] == [60, 48]
    np.testing.assert_allclose(piece.notes()["start_seconds"], [0.0, 29_900 / 8000], atol=1e-3)
    np.testing.assert_allclose(piece.notes()["end_seconds"], [79_900 / 8000, 6.2375], atol=1e-3)
    assert piece.messages().count(b"\xb1\x40\x7f") == 1
    assert list_takes(rolling.kept)[0].complete


def test_only_the_last_seconds_with_the_notes_that_were_held(rolling: Rolling) -> None:
    rolling.play(held_for_ten_seconds(), 9.0)
    take = rolling.keep(2.0)
    first = 7 * RATE_HZ
    assert TakeInfo.load(take).start_frame == first
    np.testing.assert_array_equal(wave(take / "master.wav"), sample(np.arange(first, 9 * RATE_HZ)))
    piece = read_midi(take / "take.mid")
    assert [(n["pitch"], n["track"]) for n in piece.notes()] == [(60, 0)]
    assert [track.name for track in piece.tracks] == ["Low"]  # where it ended up
    assert piece.notes()["end_seconds"][0] == pytest.approx(2.0, abs=1e-3)


def test_the_bars_are_those_of_the_transport(rolling: Rolling) -> None:
    # At 120 bpm a bar is 16000 frames; bar lines at 3000, 19000, 35000, 51000 ...
    points = [TransportPoint(3000, 120.0, 0.0, True), TransportPoint(67_000, 60.0, 16.0, True)]
    rolling.play([*held_for_ten_seconds(), *map(clock, points)], 9.0)
    song = song_of_take(rolling.keep(3.5))
    assert 5.5 * RATE_HZ - song.lead_frames == 35_000
    assert song.tempo.beats == pytest.approx((0.0, 8.0))
    assert [60 / rate for rate in song.tempo.seconds_per_beat] == pytest.approx([120, 60])


def test_silence_between_phrases_is_silence_in_the_take(rolling: Rolling) -> None:
    rows = [on(0, 1, 0), off(4000, 1, 0), on(40_000, 2, 1), off(44_000, 2, 1)]
    rolling.play(rows, 6.0)
    master = wave(rolling.keep() / "master.wav")
    heard = np.flatnonzero(master)
    np.testing.assert_array_equal(heard, [*range(4000), *range(40_000, 44_000)])
    np.testing.assert_array_equal(master[heard], sample(heard))


def test_the_music_goes_on_while_it_is_kept_and_can_be_kept_again(rolling: Rolling) -> None:
    stream = rolling.play([on(0, 1, 0), off(20_000, 1, 0)], 1.0)
    first = rolling.recorder.keep()
    stream.run(2.0)
    wait_for(lambda: len(rolling.said) == 1)
    second = rolling.recorder.keep()
    wait_for(lambda: len(rolling.said) == 2)
    assert first != second
    assert len(wave(first / "master.wav")) == RATE_HZ
    assert np.count_nonzero(wave(second / "master.wav")) == 20_000


def test_nothing_played_is_nothing_kept(rolling: Rolling) -> None:
    with pytest.raises(RipienoError, match="There is nothing to keep"):
        rolling.recorder.keep()
    stream = rolling.play([on(0, 1, 0), off(800, 1, 0)], 5.0)
    with pytest.raises(RipienoError, match="nothing was played in that time"):
        rolling.recorder.keep(2.0)
    for seconds in (0.5, 601.0, float("nan")):
        with pytest.raises(RipienoError, match=r"is outside 1 \.\. 600"):
            rolling.recorder.keep(seconds)
    stream.run(0.1)
    assert rolling.keep(5.05).exists()


def test_old_recordings_are_deleted_and_all_at_the_end(
    rolling: Rolling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.lately.KEEP_SECONDS", 6.0)
    rows = [row for n in range(20) for row in (on(8000 * n, n, 0), off(8000 * n + 7900, n, 0))]
    rolling.play(rows, 19.9)
    assert 2 <= len(list(rolling.rolling.iterdir())) <= 4  # of seven
    rolling.recorder.close()
    assert not rolling.rolling.exists()
    assert rolling.said == []


def test_a_recording_that_is_kept_anyway_can_be_kept_in_part(tmp_path: Path) -> None:
    settings = RecorderSettings(silence_seconds=1.0, reserve_bytes=0)
    recorder = Recorder(tmp_path, DUO, RATE_HZ, settings=settings)
    Stream(recorder, [on(0, 1, 0), off(40_000, 1, 0)]).run(4.0)
    kept = recorder.keep(2.0)
    recorder.close()
    assert {take.folder for take in list_takes(tmp_path)} == {kept, recorder.take_folder}
    np.testing.assert_array_equal(wave(kept / "master.wav"), sample(np.arange(16_000, 32_000)))


def test_loud_samples_are_copied_bit_by_bit(tmp_path: Path) -> None:
    source, copy = tmp_path / "source.wav", tmp_path / "copy.wav"
    loud = np.random.default_rng(3).integers(-(2**23), 2**23, (1000, 2)).astype(np.int32) << 8
    soundfile.write(source, loud, RATE_HZ, subtype="PCM_24")
    target = keeping.GrowingWave(copy, RATE_HZ, 2, "24-bit")
    for place, block in keeping.read_blocks(source, 0, 1000):
        target.write(block, place)
    target.close()
    np.testing.assert_array_equal(soundfile.read(copy, dtype="int32")[0], loud)


def test_a_full_disk_is_said_and_what_is_there_stays(
    rolling: Rolling, monkeypatch: pytest.MonkeyPatch
) -> None:
    rolling.play([on(0, 1, 0), off(8000, 1, 0)], 1.0)
    usage = shutil.disk_usage(rolling.rolling)._replace(free=1000)
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda _: usage)
        rolling.keep()
    assert rolling.said == ["What you played could not be kept: the disk is full."]
    assert list(rolling.kept.iterdir()) == []
    rolling.said.clear()
    assert rolling.keep().exists()


def test_without_room_for_a_while_of_music_it_is_said_once(tmp_path: Path) -> None:
    rolling = Rolling(tmp_path, replace(SHORT, reserve_bytes=1 << 62))
    rolling.play([on(0, 1, 0), off(800, 1, 0), on(20_000, 2, 0), off(21_000, 2, 0)], 4.0)
    rolling.keep()
    wait_for(lambda: len(rolling.said) == 2)
    rolling.recorder.close()
    assert rolling.said == [
        "What you play cannot be kept, the music goes on: the disk is full.",
        "What you played could not be kept: the disk is full.",
    ]
    assert list(rolling.kept.iterdir()) == []


def test_a_program_killed_while_keeping_leaves_the_notes(
    rolling: Rolling, monkeypatch: pytest.MonkeyPatch
) -> None:
    rolling.play([on(0, 1, 0), off(8000, 1, 0)], 1.5)
    with monkeypatch.context() as dying:
        dying.setattr(keeping, "_join_waves", lambda *_: (_ for _ in ()).throw(OSError("killed")))
        take = rolling.keep()
    assert rolling.said == ["What you played could not be kept: killed."]
    assert recover_takes(rolling.kept) == [take]
    assert read_midi(take / "take.mid").notes()["end_seconds"] == pytest.approx(1.0, abs=1e-3)


def test_what_a_dead_program_left_is_deleted(tmp_path: Path) -> None:
    recorder = Recorder(new_rolling_folder(), DUO, RATE_HZ, keep_folder=tmp_path)
    Stream(recorder, [on(0, 1, 0)]).run(1.0)
    rolling = cache_folder() / "rolling"
    wait_for(lambda: bool(list(rolling.glob("*/*/events.journal"))))
    (live,) = rolling.glob("*/*")
    dead = rolling / "1-1" / live.name
    shutil.copytree(live, dead)
    for journal in rolling.glob("*/*/events.journal"):
        os.utime(journal, (1, 1))
    new_rolling_folder()
    new_rolling_folder()
    assert live.exists()
    assert not dead.parent.exists()
    recorder.close()
    assert not live.parent.exists()


KILLED = """
import sys, time
from pathlib import Path
from tests.engine.test_keeping import Rolling, held_for_ten_seconds
rolling = Rolling(Path(sys.argv[1]))
stream = rolling.play(held_for_ten_seconds(), 4.0)
print(rolling.keep(), flush=True)
while True:
    stream.run(0.05)
    time.sleep(0.05)
"""


@pytest.mark.slow
def test_a_kept_take_survives_a_kill_and_the_rest_is_gone_later(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": "."}
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env=environment,
    )
    assert child.stdout is not None
    take = Path(child.stdout.readline().strip())
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert take.parent == tmp_path / "kept"
    np.testing.assert_array_equal(wave(take / "master.wav"), sample(np.arange(100, 32_000)))
    assert len(read_midi(take / "take.mid").notes()) == 2
    assert recover_takes(take.parent) == []
