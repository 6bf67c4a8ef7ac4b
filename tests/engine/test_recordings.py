"""What a running session keeps, exports and does when the disk is full."""

import os
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.errors import RipienoError
from engine.interchange.song import song_of_take
from engine.midi.files import read_midi
from engine.session import Session, Settings
from engine.soundfonts import bundled_soundfont
from engine.takes import TakeInfo, list_takes

QUIET = {"output": "none", "input_port": "none", "soundfont": bundled_soundfont()}


def eventually(true: Callable[[], bool], timeout_s: float = 20.0) -> bool:
    end_s = time.monotonic() + timeout_s
    while not true() and time.monotonic() < end_s:
        time.sleep(0.01)
    return true()


def strike(session: Session, *keys: int) -> None:
    """Play a chord for a moment, and let it be heard."""
    for key in keys:
        assert session.inputs.play_key(bytes((0x90, key, 90)))
    time.sleep(0.3)
    for key in keys:
        assert session.inputs.play_key(bytes((0x80, key, 64)))
    time.sleep(0.2)


@pytest.mark.slow
def test_what_was_played_without_recording_is_kept_as_it_sounded(tmp_path: Path) -> None:
    said: list[str] = []
    heard: list[np.ndarray] = []
    settings = Settings(**QUIET, rolling=True, takes_folder=tmp_path)
    with Session(settings, said.append, on_audio=heard.append) as session:
        with pytest.raises(RipienoError, match="There is nothing to keep"):
            session.keep()
        strike(session, 60, 67, 76)
        assert session.recorder_state()["recording"] is False
        take = session.keep()
        assert eventually(lambda: any(text.startswith("Kept ") for text in said))
        assert session.recorder_state()["kept"] == str(take)
        strike(session, 62)
    assert list_takes(tmp_path)[0].folder == take
    assert len(list(tmp_path.iterdir())) == 1  # nothing that was not asked for
    assert sorted(read_midi(take / "take.mid").notes()["pitch"]) == [60, 67, 76]
    kept, _ = soundfile.read(take / "master.wav", dtype="int32", always_2d=True)
    # The same sound is in what the session heard: 24 bits of it, found by the first samples.
    stream = np.concatenate(heard)[:, :2]
    first = np.flatnonzero(np.abs(stream).max(axis=1) > 1e-3)[0]
    place = np.flatnonzero(np.abs(kept).max(axis=1) > 1e-3 * 2**31)[0]
    length = min(len(kept) - place, len(stream) - first)
    assert length > 10_000
    difference = kept[place : place + length] / 2**31 - stream[first : first + length]
    assert np.abs(difference).max() < 2**-22
    out = session.export("last", "dawproject", tmp_path / "out")
    assert out.suffix == ".dawproject"


@pytest.mark.slow
def test_the_bars_of_an_export_are_those_the_player_heard(tmp_path: Path) -> None:
    said: list[str] = []
    with Session(Settings(**QUIET, rolling=True, takes_folder=tmp_path), said.append) as session:
        session.set("tempo_bpm", 133.0)
        session.set("beats_per_bar", 3)
        session.set("rolling", 1)
        time.sleep(2.0)
        strike(session, 60)
        session.set("tempo_bpm", 90.0)
        strike(session, 64)
        take = session.keep()
        assert eventually(lambda: any(text.startswith("Kept ") for text in said))
        transport = session.engine.transport()
    song = song_of_take(take)
    first_frame = TakeInfo.load(take).start_frame - song.lead_frames
    end_beat = float(song.tempo.to_beats((transport.frame - first_frame) / song.rate_hz))
    assert transport.rolling
    assert (transport.beat - end_beat) % 3 == pytest.approx(0.0, abs=1e-3) or (
        transport.beat - end_beat
    ) % 3 == pytest.approx(3.0, abs=1e-3)
    assert song.time_signatures == ((0.0, 3, 4),)
    tempos = [60 / rate for rate in song.tempo.seconds_per_beat]
    assert tempos == pytest.approx([133.0, 90.0], abs=1e-3)


def test_a_session_that_does_not_listen_keeps_nothing() -> None:
    with (
        Session(Settings(**QUIET), lambda _: None) as session,
        pytest.raises(RipienoError, match="Nothing can be kept"),
    ):
        session.keep()


FULL = "Recording stopped, the music goes on: the disk is full."


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Room for some seconds: a disk of its own for root, for others small files only."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=19m", "tmpfs", str(tmp_path)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    if not mounted:
        resource.setrlimit(resource.RLIMIT_FSIZE, (800_000, limits[1]))
    try:
        yield tmp_path
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        if mounted:
            subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.slow
def test_the_disk_fills_and_the_music_goes_on(small_disk: Path) -> None:
    said: list[str] = []
    settings = Settings(**QUIET, record=True, takes_folder=small_disk)
    with Session(settings, said.append) as session:
        for key in range(60, 84):
            strike(session, key, key + 7)
            if said:
                break
        (sentence,) = said
        assert sentence == FULL or not os.path.ismount(small_disk)
        assert sentence.startswith("Recording stopped, the music goes on: ")
        frame, notes = session.engine.frame, session.statistics()["notes_network"]
        strike(session, 60)
        assert session.engine.frame > frame + 10_000
        assert session.statistics()["notes_network"] == notes + 1
        assert not session.recorder_state()["recording"]
        (take,) = small_disk.iterdir()
        master, _ = soundfile.read(take / "master.wav")
        assert len(master) > 48_000
        assert np.abs(master[-24_000:]).max() > 1e-3  # to the end
        assert len(said) == 1
    # The next start has the notes of it too, once there is room.
    for stem in (take / "stems").iterdir():
        stem.unlink()
    with Session(Settings(**QUIET, record=True, takes_folder=small_disk), said.append):
        pass
    assert f"Recovered the take {take.name}, which had no orderly end." in said
    assert len(read_midi(take / "take.mid").notes()) >= 4
