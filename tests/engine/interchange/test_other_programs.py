"""Exports in other programs: what they play and print is what was played, in the same bars."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.core import Engine
from engine.interchange.export import export_take
from engine.interchange.scores import read_score
from engine.interchange.song import song_of_take
from engine.midi.files import read_midi
from engine.midi.performance import Performance, new_events
from engine.midi.player import Feeder
from engine.recorder import Recorder, RecorderSettings
from engine.soundfonts import bundled_soundfont
from engine.takes import TransportPoint
from tests.engine.interchange.recorded import ROLLING, record
from tests.engine.take_stream import clock, ensemble, off, on, results

RATE_HZ = 48_000
TEMPO_BPM = 107.0
STARTS_S = (0.4, 1.1, 1.777, 2.9)
KEYS = (64, 67, 69, 72)


def require(program: str) -> None:
    if shutil.which(program) is None:
        pytest.fail(f"{program} is not installed")


@pytest.fixture
def take(tmp_path: Path) -> Path:
    """Four notes played by the engine on one SoundFont, the clock rolling since before them."""
    duo = ensemble("Marimba", "Xylophone", first_program=12)
    settings = RecorderSettings(silence_seconds=1.0, reserve_bytes=0)
    recorder = Recorder(tmp_path / "takes", duo, RATE_HZ, settings=settings)
    engine = Engine(RATE_HZ, soundfont=bundled_soundfont())
    engine.apply(duo)
    for part in range(2):
        engine.set("reverb_send", 0.0, part)
    rows = [(s, bytes((0x90, key, 110)), 0) for s, key in zip(STARTS_S, KEYS, strict=True)]
    rows += [(s + 0.25, bytes((0x80, key, 64)), 0) for s, key in zip(STARTS_S, KEYS, strict=True)]
    feeder = Feeder(engine, Performance("tune", new_events(rows), ()), rate_hz=RATE_HZ)
    recorder.events(results(clock(TransportPoint(0, TEMPO_BPM, 2.3, True, 4))))
    while engine.frame < 5 * RATE_HZ:
        frame = engine.frame
        feeder.feed(frame + 1024)
        audio = engine.render(1024, 64, stems=True)
        recorder.events(engine.results())
        recorder.audio(audio, frame)
    engine.close()
    recorder.close()
    (take,) = (tmp_path / "takes").iterdir()
    return take


def rises_s(path: Path) -> np.ndarray:
    """When notes are struck: where the level doubles from one window to the next."""
    audio, rate_hz = soundfile.read(path)
    level = np.abs(audio[:, 0]) / np.abs(audio[:, 0]).max()
    window = rate_hz // 50
    loudest = level[: len(level) // window * window].reshape(-1, window).max(axis=1)
    begins = np.flatnonzero((loudest[1:] > 0.06) & (loudest[1:] > 2.0 * loudest[:-1])) + 1
    begins = begins[np.diff(begins, prepend=-9) > 2]  # the attack goes on for some windows
    return np.array(
        [
            (n * window + np.argmax(level[n * window :] > 1.5 * loudest[n - 1] + 0.02)) / rate_hz
            for n in begins
        ]
    )


@pytest.mark.slow
def test_fluidsynth_plays_the_midi_file_when_the_stems_sound(take: Path, tmp_path: Path) -> None:
    require("fluidsynth")
    out = export_take(take, ["midi", "stems"], tmp_path / "out")
    wav = tmp_path / "fluidsynth.wav"
    command = ["fluidsynth", "-ni", "-R", "0", "-C", "0", "-F", str(wav), "-r", str(RATE_HZ)]
    midi = out / f"{take.name}.mid"
    subprocess.run(
        [*command, str(bundled_soundfont()), str(midi)],
        check=True,
        timeout=120,
        capture_output=True,
    )
    theirs, ours = rises_s(wav), rises_s(out / "stems" / "00 Mix.wav")
    assert len(ours) == len(STARTS_S)
    np.testing.assert_allclose(np.diff(ours), np.diff(STARTS_S), atol=0.02)
    np.testing.assert_allclose(theirs, ours, atol=0.005)
    assert np.ptp(theirs - ours) < 0.002  # its block is 1.3 ms


@pytest.mark.slow
def test_musescore_prints_the_bars_that_were_played(tmp_path: Path) -> None:
    require("musescore3")
    tempo_change = TransportPoint(54_000, 90.0, 12.0, True, 3)
    rows = [
        on(24_000, 1, 0, 72),
        off(31_000, 1, 0, 72),
        on(38_000, 2, 1, 60),
        off(47_000, 2, 1, 60),
    ]
    rows += [on(54_000, 3, 0, 76), off(70_000, 3, 0, 76)]
    take = record(tmp_path / "takes", [*ROLLING, tempo_change], rows)
    midi = export_take(take, ["midi"], tmp_path / "out")
    out = tmp_path / "out.musicxml"
    subprocess.run(
        ["musescore3", "-o", str(out), str(midi)],
        check=True,
        timeout=120,
        capture_output=True,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path)},
    )
    printed, played = read_score(out), read_midi(midi)
    beats = [piece.tempo.to_beats(piece.notes()["start_seconds"]) for piece in (printed, played)]
    np.testing.assert_allclose(sorted(beats[0]), [0.5, 4.0, 8.0], atol=1e-6)
    np.testing.assert_allclose(sorted(beats[1]), [0.5, 4.0, 8.0], atol=1e-3)
    assert printed.time_signatures == ((0.0, 4, 4), (8.0, 3, 4))
    assert printed.tempo.beats == (0.0, 8.0)
    assert [60 / rate for rate in printed.tempo.seconds_per_beat] == pytest.approx([120, 90])
    assert song_of_take(take).markers[0][1] == "Test"
