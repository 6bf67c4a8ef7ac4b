"""Takes on disk: reading them back, finishing those that had no orderly end."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.midi.files import read_midi
from engine.recorder import Recorder, RecorderSettings
from engine.rt.layout import BY_ENSEMBLE
from engine.takes import (
    TakeError,
    TakeInfo,
    TransportPoint,
    list_takes,
    read_journal,
    recover_takes,
    results_to_events,
    transport_of,
    write_take_midi,
)
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
    results,
)


@pytest.fixture
def take(tmp_path: Path) -> Path:
    """A finished take of two notes, the only one in its folder."""
    settings = RecorderSettings(silence_seconds=1.0, reserve_bytes=0)
    recorder = Recorder(tmp_path, ensemble("High", "Low"), RATE_HZ, settings=settings)
    rows = [on(1000, 1, 0, 72), off(5000, 1, 0, 72), on(3000, 2, 1, 48), off(9000, 2, 1, 48)]
    Stream(recorder, rows).run(4.0)
    recorder.close()
    (folder,) = tmp_path.iterdir()
    return folder


@pytest.mark.slow
def test_a_killed_recording_loses_at_most_the_last_second(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.engine.take_stream", str(tmp_path)]
    root = Path(__file__).parents[2]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=root, env={**os.environ, "PYTHONPATH": "."}
    )
    assert child.stdout is not None
    frame = 0
    while frame < 2.2 * RATE_HZ:
        frame = int(child.stdout.readline())
    child.send_signal(signal.SIGKILL)
    child.wait()
    (take,) = tmp_path.iterdir()
    assert not (take / "take.mid").exists()
    first = TakeInfo.load(take).start_frame
    lost = {path.name: frame - first - soundfile.info(path).frames for path in take.rglob("*.wav")}
    assert set(lost) == {"master.wav", "1-High.wav", "2-Low.wav"}
    assert max(lost.values()) <= RATE_HZ
    said: list[str] = []
    assert recover_takes(tmp_path, said.append) == [take]
    assert said == [f"Recovered the take {take.name}, which had no orderly end."]
    notes = read_midi(take / "take.mid").notes()
    expected = np.arange(0.0, (frame - first) / RATE_HZ - 0.25, 0.1)
    np.testing.assert_allclose(notes["start_seconds"][: len(expected)], expected, atol=2e-3)
    assert notes["pitch"][:5].tolist() == [60, 61, 62, 63, 64]
    assert recover_takes(tmp_path, said.append) == []
    assert len(said) == 1


def test_the_list_is_newest_first_and_passes_over_what_is_no_take(take: Path) -> None:
    (take.parent / "holiday pictures").mkdir()
    broken = take.parent / "broken"
    broken.mkdir()
    (broken / "take.json").write_text("{")
    (listed,) = list_takes(take.parent)
    assert (listed.folder, listed.notes, listed.ensemble) == (take, 2, "Test")
    assert listed.seconds == 2.0
    assert listed.complete
    assert list_takes(take.parent / "none") == []


def test_a_journal_cut_short_gives_its_whole_records(take: Path) -> None:
    journal = take / "events.journal"
    whole = read_journal(take)
    journal.write_bytes(journal.read_bytes()[:-5])
    np.testing.assert_array_equal(read_journal(take), whole[:-1])


def test_recovery_gives_the_same_midi_file_as_the_recorder(take: Path) -> None:
    made = (take / "take.mid").read_bytes()
    (take / "take.mid").unlink()
    assert not list_takes(take.parent)[0].complete
    assert recover_takes(take.parent) == [take]
    assert (take / "take.mid").read_bytes() == made


def test_a_take_being_recorded_is_left_alone(tmp_path: Path) -> None:
    recorder = Recorder(
        tmp_path, ensemble("High"), RATE_HZ, settings=RecorderSettings(reserve_bytes=0)
    )
    Stream(recorder, [on(0, 1, 0)]).run(1.0)
    while not list(tmp_path.glob("*/events.journal")):
        pass
    assert recover_takes(tmp_path) == []
    recorder.close()
    assert list_takes(tmp_path)[0].complete


def description(transport: list | None = None, **point: object) -> bytes:
    """A `take.json` whose clock is not as it should be."""
    usual = {"frame": 0, "tempo_bpm": 120.0, "beat": 0.0, "rolling": False, "beats_per_bar": 4}
    return json.dumps(
        {
            "format": 1,
            "started": "2026-01-01T00:00:00",
            "rate_hz": 8000,
            "start_frame": 0,
            "end_frame": None,
            "dropped_frames": 0,
            "ensembles": [],
            "transport": transport or [usual | point],
        }
    ).encode()


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("take.json", b"[]", "not the description of a take"),
        ("take.json", b'{"format": 9}', "format 9; this program reads 1"),
        ("take.json", b"\xff\xfe", "not the description of a take"),
        ("take.json", description(transport=[{"frame": 0}]), "not the description of a take"),
        ("take.json", description(tempo_bpm=0), "tempo_bpm must be 4 to 6e+06, got 0.0"),
        ("take.json", description(beats_per_bar=0), "beats_per_bar must be 1 to 64, got 0"),
        ("take.json", description(frame="soon"), "not the description of a take"),
        ("events.journal", b"", "not a journal of this version"),
        ("events.journal", b"RIPIENO1" + bytes(8), "not a journal of this version"),
    ],
)
def test_a_broken_take_is_told_of_and_left(take: Path, name: str, content: bytes, why: str) -> None:
    (take / name).write_bytes(content)
    (take / "take.mid").unlink()
    said: list[str] = []
    assert recover_takes(take.parent, said.append) == []
    assert len(said) == 1
    assert said[0].startswith(f"A take could not be recovered: {take / name}: ")
    assert why in said[0]


def test_a_missing_journal_is_an_error_that_names_it(take: Path) -> None:
    (take / "events.journal").unlink()
    with pytest.raises(TakeError, match=r"events\.journal: cannot be read: No such file"):
        read_journal(take)


def test_events_of_results() -> None:
    records = results(
        on(100, 1, 0, 60, 90),
        on(200, 2, 0, 64, 80),
        moved(300, 2, 3, 0),
        control(400, 3, 0xB0, 11, 70),
        control(400, 3, 0xD0, 33, 0),
        off(1100, 1, 0, 60),
        on(1200, 3, 1, 67, 70),
    )
    events = results_to_events(records, 1000, 100, 2100)
    rows = sorted(
        (round(float(e["seconds"]), 6), int(e["track"]), int(e["status"]), int(e["a"]), int(e["b"]))
        for e in events
    )
    assert rows == [
        (0.0, 0, 0x90, 60, 90),
        (0.1, 3, 0x90, 64, 80),
        (0.3, 3, 0xB0, 11, 70),
        (0.3, 3, 0xD0, 33, 0),
        (1.0, 0, 0x80, 60, 64),
        (1.1, 1, 0x90, 67, 70),
        (2.0, 1, 0x80, 67, 64),
        (2.0, 3, 0x80, 64, 64),
    ]


def test_what_the_ensemble_played_by_itself_has_tracks_of_its_own(take: Path) -> None:
    by_itself = (*on(4000, 9, 1, 71, 90)[:-1], BY_ENSEMBLE)
    with (take / "events.journal").open("ab") as journal:
        journal.write(results(by_itself, off(6000, 9, 1, 71)).tobytes())
    before = read_midi(take / "take.mid")
    written = read_midi(write_take_midi(take))
    names = [track.name for track in before.tracks]
    assert [track.name for track in written.tracks] == [*names, f"{names[1]} (ensemble)"]
    assert written.tracks[-1].program == before.tracks[1].program
    notes = written.notes()
    alone = notes[notes["track"] == len(names)]
    assert (alone["pitch"].tolist(), len(notes)) == ([71], len(before.notes()) + 1)
    assert np.array_equal(notes[notes["track"] < len(names)], before.notes())


def test_panic_ends_notes_that_were_not_ended() -> None:
    events = results_to_events(results(on(0, 1, 0), panic(500), on(600, 2, 0)), 1000)
    offs = events[events["status"] == 0x80]
    assert sorted(offs["seconds"].tolist()) == [0.5, 0.601]


def test_what_the_clock_said_is_in_the_journal(tmp_path: Path) -> None:
    points = [
        TransportPoint(500, 97.3, -2.25, True, 3),
        TransportPoint(2000, 111.0, 4.0, False, 3),
    ]
    recorder = Recorder(
        tmp_path, ensemble("High"), RATE_HZ, settings=RecorderSettings(reserve_bytes=0)
    )
    Stream(recorder, [clock(points[0]), on(1000, 1, 0), clock(points[1])]).run(1.0)
    recorder.close()
    (take,) = tmp_path.iterdir()
    assert TakeInfo.load(take).transport == points[:1]
    assert transport_of(TakeInfo.load(take), read_journal(take)) == points
