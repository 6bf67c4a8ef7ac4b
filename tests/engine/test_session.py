"""A session runs, tells, obeys, survives its device and ends in order."""

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from engine import report
from engine.errors import RipienoError
from engine.midi.files import read_midi
from engine.notes import NoteLog
from engine.paths import presets_folder
from engine.session import Session, Settings
from engine.soundfonts import bundled_soundfont
from engine.takes import list_takes, read_journal
from tests import servers
from tests.engine.test_control import Client

PIECE = presets_folder() / "demo" / "herzliebster_jesu.mid"
QUIET = {"output": "none", "input_port": "none", "soundfont": bundled_soundfont()}
ON, OFF = bytes([0x90, 60, 90]), bytes([0x80, 60, 64])


def eventually(true: Callable[[], bool], timeout_s: float = 10.0) -> bool:
    """Wait until `true()`, no longer than `timeout_s`."""
    end_s = time.monotonic() + timeout_s
    while not true() and time.monotonic() < end_s:
        time.sleep(0.01)
    return true()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def log() -> NoteLog:
    return NoteLog()


@pytest.fixture
def session(said: list[str], log: NoteLog) -> Iterator[Session]:
    settings = Settings(**QUIET, osc_port=0, chord_window_ms=10.0)
    with Session(settings, said.append, log.add) as session:
        yield session


def test_a_key_is_heard_of_by_listeners(session: Session, log: NoteLog) -> None:
    assert session.inputs.play_key(ON)
    assert eventually(lambda: len(log.notes) == 1)
    assert session.statistics()["held_notes"] == 1
    session.inputs.play_key(OFF)
    assert eventually(lambda: log.sounding == 0)


def test_state_and_statistics_are_json(session: Session) -> None:
    state = json.loads(json.dumps(session.state()))
    assert state["ensemble"] == "string_quartet"
    assert state["parts"][0]["name"] == "Violin I"
    assert state["chord_window_ms"] == 10.0
    assert (state["chord_mode"], state["assigner"], state["control"]) == (
        "wait",
        "network",
        "player",
    )
    assert state["device"]["alive"]
    assert state["osc_port"] == session.osc_port > 0
    assert len(state["model"]["sha256"]) == 64
    statistics = json.loads(json.dumps(session.statistics()))
    assert set(statistics) >= {"xruns", "delay_ms", "load_percent", "peak", "part_notes"}
    assert len(json.dumps(session.state())) < 8000  # one datagram every client can take


def test_control_md_names_every_key_of_the_json(session: Session) -> None:
    text = Path(report.__file__).with_name("CONTROL.md").read_text(encoding="utf-8")
    state, statistics = session.state(), session.statistics()
    keys = {*state, *state["parts"][0], *state["device"], *state["model"], *state["recorder"]}
    keys |= {*statistics, *statistics["delay_ms"], *statistics["load_percent"]}
    keys |= {
        *state["transport"],
        *state["latency"][0],
        *state["learn"],
        *state["rig"],
        *state["continuation"],
        *state["continuation"]["worker"],
        *report.histograms(session.engine),
    }
    assert {key for key in keys if f"`{key}`" not in text} == set()


def test_everything_can_be_done_from_afar(session: Session, said: list[str]) -> None:
    client = Client(session.osc_port)
    client.send("/ripieno/ensemble", ("s", "brass_quartet"))
    assert client.ask("/ripieno/ensemble")[1] == ["brass_quartet"]
    client.send("/ripieno/part/2/gain", ("f", -6.0))
    assert client.ask("/ripieno/part/2/gain")[1] == [-6.0]
    assert session.engine.get("gain_db", 1) == -6.0
    client.send("/ripieno/part/2/mute", ("i", 1))
    client.send("/ripieno/chord_mode", ("s", "settle"))
    client.send("/ripieno/assigner", ("s", "closest"))
    client.send("/ripieno/control", ("s", "ensemble"))
    state = json.loads(client.ask("/ripieno/state")[1][0])
    assert state["parts"][1]["mute"] == 1
    assert (state["chord_mode"], state["assigner"]) == ("settle", "closest")
    assert eventually(lambda: session.state()["control"] == "ensemble")
    assert client.ask("/ripieno/ensemble", ("s", "kazoos"))[0] == "/ripieno/error"
    client.send("/ripieno/panic")
    client.send("/ripieno/quit")
    assert session.quit_wanted.wait(2.0)
    assert any("silenced" in sentence for sentence in said)
    client.socket.close()


def test_subscribers_hear_the_notes(session: Session) -> None:
    client = Client(session.osc_port)
    client.ask("/ripieno/subscribe", ("s", "events"))
    session.inputs.play_key(ON)
    address, values = client.hear()
    assert (address, values[2:4]) == ("/ripieno/note_on", [60, 90])
    assert values[5] == "network"
    session.inputs.play_key(OFF)
    assert client.hear()[0] == "/ripieno/note_off"
    client.socket.close()


def test_a_file_plays_in_real_time(session: Session, log: NoteLog) -> None:
    player = session.inputs.play_file(read_midi(PIECE))
    assert eventually(lambda: len(log.notes) > 8)
    assert player.playing
    starts = [note.start_frame for note in log.notes[:5]]
    assert np.diff(starts).max() > 0.5 * session.engine.rate_hz  # the second chord, a beat on
    player.stop()
    assert eventually(lambda: log.sounding == 0)


def test_an_ensembles_own_soundfont_plays_from_the_start(said: list[str], tmp_path: Path) -> None:
    preset = tmp_path / "mine.toml"
    text = (presets_folder() / "ensembles" / "satb_choir.toml").read_text(encoding="utf-8")
    font = tmp_path / "own.sf2"
    shutil.copy(bundled_soundfont() or "", font)
    preset.write_text(f'soundfont = "own.sf2"\n{text}', encoding="utf-8")
    with Session(Settings(preset, output="none", input_port="none"), said.append) as session:
        assert session.engine.soundfont == font
        session.set_ensemble("string_quartet")
    with Session(Settings(**QUIET), said.append) as session:
        session.set_ensemble(str(preset))
        assert "asks for the SoundFont" in said[-1]
        assert session.engine.soundfont == bundled_soundfont()
    font.unlink()
    with pytest.raises(RipienoError, match=r"own.sf2 cannot be read"):
        Session(Settings(preset, output="none", input_port="none"), said.append)


def test_settling_delays_nothing_and_has_a_window(said: list[str], log: NoteLog) -> None:
    with Session(Settings(**QUIET, settle=True), said.append, log.add) as session:
        assert session.get("chord_window_ms") == 45.0
        assert report.state(session)["chord_mode"] == "settle"
        session.inputs.play_key(ON)
        assert eventually(lambda: len(log.notes) == 1)
        assert session.statistics()["delay_ms"]["p99"] < 1.0


def test_panic_leaves_nothing_sounding(session: Session, log: NoteLog) -> None:
    for pitch in range(50, 60):
        session.inputs.play_key(bytes([0x90, pitch, 90]))
    assert eventually(lambda: len(log.notes) == 10)
    session.panic()
    assert eventually(lambda: log.sounding == 0)
    assert session.statistics()["held_notes"] == 0


def test_it_introduces_itself_and_sums_up(session: Session, log: NoteLog) -> None:
    text = " ".join(report.introduction(session))
    for piece in ("String quartet", "Cello", "no sound", f"port {session.osc_port}"):
        assert piece in text
    session.inputs.play_key(ON)
    assert eventually(lambda: len(log.notes) == 1)
    assert report.summary(session)[0].startswith("1 notes")


def test_a_take_is_recorded(tmp_path: Path, said: list[str]) -> None:
    settings = Settings(**QUIET, record=True, takes_folder=tmp_path)
    with Session(settings, said.append) as session:
        session.inputs.play_key(ON)
        assert eventually(lambda: session.recorder_state()["recording"])
        time.sleep(0.3)
        session.inputs.play_key(OFF)
        assert eventually(lambda: session.statistics()["held_notes"] == 0)
        session.set("tempo_bpm", 90)
        session.set_ensemble("satb_choir")
    (take,) = list_takes(tmp_path)
    assert take.complete
    assert take.notes == 1
    assert take.seconds > 0.25
    assert len(read_journal(take.folder)) >= 2
    assert (take.folder / "take.mid").exists()


def test_closing_is_orderly_and_may_be_repeated(said: list[str]) -> None:
    before = threading.active_count()
    session = Session(Settings(**QUIET, osc_port=0), said.append)
    session.start()
    session.inputs.play_key(ON)
    session.close()
    session.close()
    assert eventually(lambda: threading.active_count() == before)
    assert not session.device.alive


def test_a_taken_port_leaves_nothing_running(said: list[str]) -> None:
    before = threading.active_count()
    with Session(Settings(**QUIET, osc_port=0), said.append) as first:
        taken = first.osc_port
        with (
            pytest.raises(RipienoError, match=str(taken)),
            Session(Settings(**QUIET, osc_port=taken), said.append),
        ):
            pass
    assert eventually(lambda: threading.active_count() == before)


def test_a_fault_in_a_listener_is_told_once_and_survived(said: list[str]) -> None:
    def broken(_: np.ndarray) -> None:
        raise ZeroDivisionError("broken listener")

    with Session(Settings(**QUIET), said.append, broken) as session:
        for _ in range(5):
            session.inputs.play_key(ON)
            session.inputs.play_key(OFF)
            time.sleep(0.05)
        assert session.device.alive
    assert 1 <= sum("broken listener" in sentence for sentence in said) <= 5


class LostDevice:
    """A device whose server goes away and comes back when a test says so."""

    rate_hz, block_frames, latency_frames, description = 48000, 128, 0, "a lost device"

    def __init__(self) -> None:
        self.alive = False
        self.there = True
        self.running_when_told = True

    def start(self, engine) -> None:
        self.alive = True

    def name_parts(self, names) -> None:
        pass

    def tend(self) -> list[str]:
        if self.alive and not self.there:
            self.alive = False
            return ["It is gone."]
        if self.there and not self.alive:
            self.running_when_told = any(t.name == "silent device" for t in threading.enumerate())
            self.alive = True
            return ["It is back."]
        return []

    def close(self) -> None:
        self.alive = False


def test_the_music_goes_on_while_the_device_is_gone(said: list[str], log: NoteLog) -> None:
    device = LostDevice()
    with Session(Settings(**QUIET), said.append, log.add, device=device) as session:
        frame = session.engine.frame
        device.there = False
        assert eventually(lambda: session.engine.frame > frame)
        session.inputs.play_key(ON)
        assert eventually(lambda: len(log.notes) == 1)
        device.there = True
        assert eventually(lambda: device.alive)
        assert not device.running_when_told
    assert said[:2] == ["It is gone.", "It is back."]


@pytest.mark.jack
@pytest.mark.slow
def test_a_killed_server_is_said_survived_and_used_again(said: list[str], log: NoteLog) -> None:
    with servers.jack_server() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("JACK_DEFAULT_SERVER", server.name)
        settings = Settings(output="jack", soundfont=bundled_soundfont())
        with Session(settings, said.append, log.add) as session:
            session.inputs.play_file(read_midi(PIECE))
            assert eventually(lambda: len(log.notes) >= 4)
            server.kill()
            assert eventually(lambda: any("gone" in sentence for sentence in said))
            heard = len(log.notes)
            assert eventually(lambda: len(log.notes) > heard)
            server.start()
            assert eventually(lambda: any("is back" in sentence for sentence in said))
            heard = len(log.notes)
            assert eventually(lambda: len(log.notes) > heard)
        assert log.sounding == 0
        assert session.engine.stats().dropped_events == 0


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"rate_hz": 100}, "rate in Hz: 100 is outside 8000"),
        ({"block_frames": 9000}, "block in frames: 9000"),
        ({"chord_window_ms": 50.0}, "chord window in ms: 50"),
    ],
)
def test_settings_have_limits(wrong: dict, says: str) -> None:
    with pytest.raises(RipienoError, match=says):
        Settings(**wrong)
