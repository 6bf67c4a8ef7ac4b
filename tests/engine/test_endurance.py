"""Floods and long hours: the session keeps time, counts what it drops and leaves no note stuck."""

import os
import random
import threading
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from engine.control import encode
from engine.ensembles import load_ensemble
from engine.midi.files import read_midi
from engine.midi.performance import Performance
from engine.midi.player import Feeder
from engine.notes import NoteLog
from engine.offline import new_engine
from engine.paths import presets_folder
from engine.playing import at_the_keyboard, perform
from engine.session import Session, Settings
from engine.soundfonts import bundled_soundfont
from tests import servers
from tests.engine.test_control import Client
from tests.engine.test_session import QUIET, eventually

PIECE = presets_folder() / "demo" / "herzliebster_jesu.mid"
NOTES_PER_SECOND = 10_000
FLOOD_S = 10.0
SOAK_HOURS = float(os.environ.get("RIPIENO_SOAK_HOURS", "0.5"))


def flood(send, seconds: float) -> int:
    """Ten thousand notes a second from twenty fingers; how many were struck."""
    source = random.Random(5)
    down: list[int] = []
    struck = 0
    start_s = time.monotonic()
    while (now_s := time.monotonic() - start_s) < seconds:
        for _ in range(int(now_s * NOTES_PER_SECOND) - struck):
            pitch = source.randrange(30, 100)
            send(bytes([0x90, pitch, 64]))
            down.append(pitch)
            struck += 1
            if len(down) > 20:
                send(bytes([0x80, down.pop(0), 64]))
        time.sleep(0.001)
    for pitch in down:
        send(bytes([0x80, pitch, 64]))
    return struck


@pytest.mark.slow
@pytest.mark.jack
def test_a_flood_of_notes_keeps_time_and_leaves_none_stuck(tmp_path: Path) -> None:
    log = NoteLog()
    settings = Settings(
        output="jack",
        input_port="none",
        soundfont=bundled_soundfont(),
        osc_port=0,
        record=True,
        takes_folder=tmp_path,
    )
    with servers.jack_server() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("JACK_DEFAULT_SERVER", server.name)
        with Session(settings, lambda _: None, log.add) as session:
            client = Client(session.osc_port)
            client.ask("/ripieno/subscribe", ("s", "events"), ("f", 60.0))
            start_frame, start_s = session.engine.frame, time.monotonic()
            struck = flood(session.inputs.play_key, FLOOD_S)
            frames, seconds = session.engine.frame - start_frame, time.monotonic() - start_s
            assert struck > 0.5 * NOTES_PER_SECOND * FLOOD_S
            assert frames / session.engine.rate_hz == pytest.approx(seconds, abs=0.6)
            assert eventually(lambda: session.statistics()["held_notes"] == 0)
            assert eventually(lambda: log.sounding == 0)
            statistics = session.statistics()
            refused = session.inputs.refused_notes
            assert len(log.notes) == struck - refused
            assert statistics["dropped_events"] >= refused
            assert statistics["results_dropped"] == 0
            session.inputs.play_key(bytes([0x90, 60, 90]))  # and it still plays
            assert eventually(lambda: len(log.notes) == struck - refused + 1)
            client.socket.close()
    assert threading.active_count() < 20


@pytest.mark.slow
@pytest.mark.jack
def test_a_flood_over_jack_midi_ends_with_all_notes_off() -> None:
    rtmidi = pytest.importorskip("rtmidi")
    log = NoteLog()
    with servers.jack_server() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("JACK_DEFAULT_SERVER", server.name)
        settings = Settings(output="jack", soundfont=bundled_soundfont())
        with Session(settings, lambda _: None, log.add) as session:
            port = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="flooder")
            port.open_virtual_port("out")
            (out,) = [name for name in server.ports() if name.startswith("flooder:")]
            server.connect(out, f"{session.device.name}:midi_in")
            start_frame, start_s = session.engine.frame, time.monotonic()
            flood(lambda message: port.send_message(list(message)), 3.0)
            frames, seconds = session.engine.frame - start_frame, time.monotonic() - start_s
            assert len(log.notes) > 1000
            assert frames / session.engine.rate_hz == pytest.approx(seconds, abs=0.3)
            time.sleep(0.5)
            port.send_message([0xB0, 123, 0])
            assert eventually(lambda: session.statistics()["held_notes"] == 0)
            assert eventually(lambda: log.sounding == 0)
            port.delete()


@pytest.mark.slow
def test_a_flood_of_control_messages_disturbs_nothing() -> None:
    log = NoteLog()
    with Session(Settings(**QUIET, osc_port=0), lambda _: None, log.add) as session:
        client = Client(session.osc_port)
        player = session.inputs.play_file(read_midi(PIECE))
        dgrams = [
            encode("/ripieno/part/1/gain", [("f", -3.0)]),
            encode("/ripieno/chord_window", [("f", 10.0)]),
            encode("/ripieno/part/1/gain", [("f", 99.0)]),
            b"\xff" * 50,
        ]
        end_s, sent = time.monotonic() + 4.0, 0
        while time.monotonic() < end_s:
            for _ in range(20):
                client.raw(dgrams[sent % len(dgrams)])
                sent += 1
            time.sleep(0.002)
        assert player.playing
        assert session.control
        counts = session.control.counts
        assert counts.received > 1000
        assert min(counts.malformed, counts.refused) > 0.2 * counts.received
        assert session.statistics()["late_events"] == 0
        while not client.silent():  # what the refused ones were answered
            pass
        assert client.ask("/ripieno/version")[0] == "/ripieno/version"
        assert len(log.notes) > 8
        client.socket.close()


def resident_kilobytes() -> int:
    """What of this process is in memory now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_hours_pass_without_drift_leak_or_stuck_note() -> None:
    """Hours of playing with changing ensembles, faster than real time: an hour takes a minute.

    RIPIENO_SOAK_HOURS sets another length.
    """
    keyboard = at_the_keyboard("soak", perform(read_midi(PIECE)))
    rate_hz = 48000
    ensembles = [load_ensemble(name) for name in ("string_quartet", "satb_choir", "organ_pedal")]
    engine = new_engine(ensembles[0], rate_hz, 0.0, bundled_soundfont())
    piece_frames = int((keyboard.seconds + 1.0) * rate_hz) // 64 * 64
    pieces = max(6, round(SOAK_HOURS * 3600 * rate_hz / piece_frames))
    settled, memory, traced = pieces // 3, [], []
    begun_s = time.perf_counter()
    try:
        for piece in range(pieces):
            if piece == settled:
                tracemalloc.start()
            starts = play_piece(engine, keyboard, piece * piece_frames, piece_frames)
            assert engine.stats().held_notes == 0
            assert (starts == expected_starts(keyboard, piece * piece_frames, rate_hz)).all()
            engine.apply(ensembles[(piece + 1) % len(ensembles)])
            if piece > settled:
                memory.append(resident_kilobytes())
                traced.append(tracemalloc.get_traced_memory()[0])
        stats = engine.stats()
    finally:
        tracemalloc.stop()
        engine.close()
    hours = pieces * piece_frames / rate_hz / 3600
    assert time.perf_counter() - begun_s < 0.5 * hours * 3600
    assert stats.frame == pieces * piece_frames
    assert (stats.dropped_events, stats.late_events, stats.results_dropped) == (0, 0, 0)
    assert stats.notes_network == pieces * len(keyboard.notes())
    third = max(1, len(memory) // 3)
    assert np.median(memory[-third:]) - np.median(memory[:third]) < 2048
    assert np.median(traced[-third:]) - np.median(traced[:third]) < 100_000


def play_piece(engine, keyboard: Performance, start_frame: int, frames: int) -> np.ndarray:
    """Play once from `start_frame`, whole blocks only; the frames at which notes began."""
    feeder = Feeder(engine, keyboard, rate_hz=engine.rate_hz, start_frame=start_frame)
    begun = []
    while engine.frame < start_frame + frames:
        block = min(4096, start_frame + frames - engine.frame)
        feeder.feed(engine.frame + block)
        engine.render(block, block)
        results = engine.results()
        begun += results["frame"][results["kind"] == 1].tolist()
    assert feeder.done
    return np.sort(begun)


def expected_starts(keyboard: Performance, start_frame: int, rate_hz: int) -> np.ndarray:
    """The very frames at which the notes are due: hours in, not one frame late."""
    seconds = keyboard.notes()["start_seconds"]
    return np.sort(start_frame + np.rint(seconds * rate_hz).astype(int))
