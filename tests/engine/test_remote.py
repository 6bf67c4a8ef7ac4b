"""Every row of the address table, answered and set over loopback by a real session."""

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from engine import addresses, inputs
from engine.addresses import Address
from engine.osc import Assembler
from engine.paths import config_folder, presets_folder
from engine.session import Session, Settings
from engine.soundfonts import bundled_soundfont
from tests.engine.test_control import Client

SCALE_WORKER = (sys.executable, "-m", "tests.engine.continuation.scale_worker")
CHAIN = json.dumps({"plugins": [{"path": "pedalboard:Gain"}, {"path": "pedalboard:Compressor"}]})
GAIN = "/ripieno/part/1/gain"
PIECE = presets_folder() / "demo" / "herzliebster_jesu.mid"
PLACES = {"part": 3, "slot": "part_2", "plugin": 1, "parameter": "gain_db"}

# What other settings than the engine's parameters are set to, and what they answer then.
SETTINGS: dict[str, tuple[Any, Any]] = {
    "/ripieno/ensemble": ("brass_quartet", "brass_quartet"),
    "/ripieno/part/{part}/program": (71, 71),
    "/ripieno/part/{part}/bank": (0, 0),
    "/ripieno/part/{part}/low": (40, 40),
    "/ripieno/part/{part}/high": (90, 90),
    "/ripieno/part/{part}/polyphony": (2, 2),
    "/ripieno/part/{part}/sound": ("soundfont", "soundfont"),
    "/ripieno/part/{part}/midi_channel": (11, 11),
    "/ripieno/part/{part}/morph/sound": ("carousel", "carousel"),
    "/ripieno/part/{part}/morph/interpolation": ("cubic", "cubic"),
    "/ripieno/part/{part}/morph/record": (1, 1),
    "/ripieno/rig": ("chamber_quartet", "chamber_quartet"),
    "/ripieno/setlist": ("concert", "concert"),
    "/ripieno/device": ("none", "no sound (48000 Hz, 128 frames)"),
    "/ripieno/input": ("none", "none"),
    "/ripieno/osc_port": (57123, 57123),
    "/ripieno/chain/{slot}": (CHAIN, CHAIN),
    "/ripieno/chain/{slot}/{plugin}/bypass": (1, 1),
    "/ripieno/chain/{slot}/{plugin}/parameter/{parameter}": (0.25, 0.25),
}
NOTHING, JSON, DONE = "nothing", "json", "done"
# What everything else is asked with, and what comes back.
ACTS: dict[str, tuple[tuple, Any]] = {
    "/ripieno/version": ((), list),
    "/ripieno/state": ((), JSON),
    "/ripieno/statistics": ((), JSON),
    "/ripieno/histograms": ((), JSON),
    "/ripieno/latency": ((), JSON),
    "/ripieno/transport": ((), JSON),
    "/ripieno/transport/start": ((1,), NOTHING),
    "/ripieno/transport/stop": ((), NOTHING),
    "/ripieno/transport/tap": ((), NOTHING),
    "/ripieno/transport/locate": ((16.0,), NOTHING),
    "/ripieno/continuation/start": ((), "/ripieno/error"),  # its mode is off
    "/ripieno/continuation/stop": ((), NOTHING),
    "/ripieno/midi_out/announce": ((), NOTHING),
    "/ripieno/midi_out/port": (("no such port anywhere",), "/ripieno/error"),
    "/ripieno/statistics/reset": ((), NOTHING),
    "/ripieno/subscribe": (("events", 1.0), "/ripieno/subscribed"),
    "/ripieno/unsubscribe": (("events",), "/ripieno/unsubscribed"),
    "/ripieno/panic": ((), NOTHING),
    "/ripieno/quit": ((), NOTHING),
    "/ripieno/ensembles": ((), list),
    "/ripieno/ensembles/details": ((), JSON),
    "/ripieno/key": ((60, 0), NOTHING),
    "/ripieno/part/{part}/key": ((60, 0), NOTHING),
    "/ripieno/file": (("",), DONE),
    "/ripieno/file/stop": ((), NOTHING),
    "/ripieno/morph/sounds": ((), JSON),
    "/ripieno/part/{part}/morph/save": (("Over the wire",), list),
    "/ripieno/part/{part}/morph/draw": ((str(PIECE),), DONE),
    "/ripieno/plugins": ((), JSON),
    "/ripieno/plugins/scan": ((), JSON),
    "/ripieno/plugins/forget": (("all",), DONE),
    "/ripieno/chains": ((), JSON),
    "/ripieno/chain/{slot}/add": (("pedalboard:Reverb",), DONE),
    "/ripieno/chain/{slot}/{plugin}/move": ((2,), DONE),
    "/ripieno/chain/{slot}/{plugin}/remove": ((), DONE),
    "/ripieno/chain/{slot}/{plugin}/parameters": ((), JSON),
    "/ripieno/chain/{slot}/{plugin}/editor": ((), NOTHING),
    "/ripieno/chain/{slot}/close_editor": ((), NOTHING),
    "/ripieno/learn": ((GAIN,), NOTHING),
    "/ripieno/learn/cancel": ((), NOTHING),
    "/ripieno/learn/bind": ((json.dumps({"address": GAIN, "number": 21}),), NOTHING),
    "/ripieno/learn/mode": ((GAIN, "jump"), NOTHING),
    "/ripieno/learn/range": ((GAIN, -20.0, 6.0), NOTHING),
    "/ripieno/learn/curve": ((GAIN, 2.0), NOTHING),
    "/ripieno/learn/through": ((GAIN, 1), NOTHING),
    "/ripieno/learn/forget": ((GAIN,), NOTHING),
    "/ripieno/learn/forget_all": ((), NOTHING),
    "/ripieno/rigs": ((), JSON),
    "/ripieno/rig/save": (("Over the wire",), list),
    "/ripieno/rig/text": ((), list),
    "/ripieno/rig/undo": ((), NOTHING),
    "/ripieno/rig/redo": ((), NOTHING),
    "/ripieno/setlists": ((), JSON),
    "/ripieno/setlist/next": ((), NOTHING),
    "/ripieno/setlist/previous": ((), NOTHING),
    "/ripieno/setlist/go": ((2,), NOTHING),
    "/ripieno/devices": ((), JSON),
    "/ripieno/connections": ((), JSON),
    "/ripieno/connections/forget": (("",), NOTHING),
    "/ripieno/inputs": ((), list),
    "/ripieno/recorder": ((), JSON),
    "/ripieno/takes": ((), JSON),
    "/ripieno/take/keep": ((60.0,), list),
    "/ripieno/take/export": (("last", "midi"), list),
}


class Remote(Client):
    """A client that puts long answers together."""

    def hear_whole(self) -> tuple[str, list]:
        assembler = Assembler()
        self.socket.settimeout(30.0)
        while True:
            address, values = self.hear()
            if address != "/ripieno/chunk":
                return address, values
            if whole := assembler.take(values):
                return whole[0], [whole[1]]

    def hear_of(self, path: str, value: Any) -> list:
        """What comes of this path and first value, past what earlier tests still cause."""
        end_s = time.monotonic() + 10.0
        while time.monotonic() < end_s:
            address, values = self.hear()
            if address == path and values[0] == value:
                return values
        raise AssertionError(f"nothing came of {path} {value}")

    def question(self, path: str, *values: Any) -> tuple[str, list]:
        tags = {str: "s", int: "i", float: "f"}
        self.send(path, *((tags[type(value)], value) for value in values))
        return self.hear_whole()

    def tell(self, path: str, *values: Any) -> None:
        tags = {str: "s", int: "i", float: "f"}
        self.send(path, *((tags[type(value)], value) for value in values))


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    settings = Settings(
        output="none",
        block_frames=128,
        input_port="none",
        soundfont=bundled_soundfont(),
        osc_port=0,
        record=True,
        takes_folder=tmp_path_factory.mktemp("takes"),
    )
    with Session(settings, lambda sentence: None) as session:
        session.continuation._keeper._command = SCALE_WORKER
        session.inputs.play_key(bytes((0x90, 60, 90)))
        end_s = time.monotonic() + 10.0
        while not session.recorder_state()["seconds"] > 1.0 and time.monotonic() < end_s:
            time.sleep(0.05)
        yield session
    for kind in ("rigs", "sounds"):
        (config_folder() / kind / "over_the_wire.toml").unlink(missing_ok=True)


@pytest.fixture
def remote(session: Session) -> Iterator[Remote]:
    remote = Remote(session.osc_port)
    yield remote
    remote.socket.close()


def path_of(row: Address) -> str:
    return row.path.format(**PLACES)


def rows(kind: str) -> list[Address]:
    found = []
    for row in addresses.RECEIVED:
        its = "parameter" if row.parameter else "setting" if row.setting else "act"
        if its == kind:
            found.append(row)
    return found


# What cannot be had without JACK or the package of Link.
ELSEWHERE = (("sync_source", "jack"), ("sync_source", "link"), ("jack_master", 1))


def test_this_list_is_the_table() -> None:
    assert {row.path for row in rows("setting")} == set(SETTINGS)
    assert {row.path for row in rows("act")} == set(ACTS)


@pytest.mark.parametrize("row", rows("parameter"), ids=lambda row: row.path)
def test_a_parameter_is_set_and_answers(
    row: Address, session: Session, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "link", None)  # it would speak to the whole network
    argument = row.arguments[0]
    part = 2 if row.per_part else None
    legal = argument.choices or (argument.low, argument.high, (argument.low + argument.high) / 2)
    for value in legal:
        sent = value if argument.choices else int(value) if argument.tag == "i" else float(value)
        if argument.tag == "f":
            sent = float(np.float32(sent))  # as it travels
        if (row.parameter, sent) in ELSEWHERE:
            assert remote.question(path_of(row), sent)[0] == "/ripieno/error"
            continue
        remote.tell(path_of(row), sent)
        answer = remote.question(path_of(row))
        if row.parameter == "control":  # the callback itself says who has the floor
            end_s = time.monotonic() + 2.0
            while answer[1] != [sent] and time.monotonic() < end_s:
                answer = remote.question(path_of(row))
        assert answer == (path_of(row), [sent])
        expected = legal.index(value) if argument.choices else sent
        assert session.engine.get(row.parameter, part) == expected
    if not argument.choices:
        assert remote.question(path_of(row), 1e30)[0] == "/ripieno/error"
    if row.parameter in ("sync_source", "continuation_mode"):
        session.set(row.parameter, 0)


def load_chain(session: Session, remote: Remote) -> None:
    """Two built-in effects on part 2, in a host process of their own."""
    if remote.question("/ripieno/chain/part_2")[1] != [CHAIN]:
        assert remote.question("/ripieno/chain/part_2", CHAIN)[0] == "/ripieno/done"
    end_s = time.monotonic() + 60.0
    while session.plugins.state()["part 2"]["state"] != "running":
        assert time.monotonic() < end_s, session.plugins.state()
        time.sleep(0.05)


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=pytest.mark.slow) if "chain" in path else path for path in SETTINGS],
)
def test_a_setting_is_set_and_answers(path: str, session: Session, remote: Remote) -> None:
    row = next(row for row in addresses.RECEIVED if row.path == path)
    if "{slot}" in path:
        load_chain(session, remote)
    if path.endswith(("/interpolation", "/record")):
        session.edit_part(2, sound="morph", morph="organ_under_choir")
    value, expected = SETTINGS[path]
    remote.tell(path_of(row), value)
    if row.slow:
        assert remote.hear_whole() == ("/ripieno/done", [path_of(row), ""])
    if path == "/ripieno/osc_port":
        end_s = time.monotonic() + 10.0
        while session.osc_port != value and time.monotonic() < end_s:
            time.sleep(0.01)
        remote.port = session.osc_port  # it answers there now
    answer = remote.question(path_of(row))
    end_s = time.monotonic() + 10.0
    while path.endswith("/record") and answer[1] != [expected] and time.monotonic() < end_s:
        answer = remote.question(path_of(row))  # the callback begins it
    assert answer == (path_of(row), [expected])


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=pytest.mark.slow) if "plugin" in path or "{slot}" in path else path
        for path in ACTS
    ],
)
def test_everything_else_is_done(path: str, session: Session, remote: Remote) -> None:
    row = next(row for row in addresses.RECEIVED if row.path == path)
    arguments, expected = ACTS[path]
    if "{slot}" in path:
        load_chain(session, remote)
    if "/morph/" in path:
        session.edit_part(2, sound="morph", morph="organ_under_choir")
    if path.startswith("/ripieno/setlist"):
        session.repertoire.use_setlist("concert")
    if path.startswith("/ripieno/rig/"):
        session.set("tempo_bpm", 61.0)
        session.set("tempo_bpm", 60.0)
        if path.endswith("redo"):
            session.repertoire.undo()
    if path == "/ripieno/take/export":
        session.keep(60.0)
        end_s = time.monotonic() + 20.0
        while not any(take["complete"] for take in session.recordings.list()):
            assert time.monotonic() < end_s
            time.sleep(0.05)
    if path.startswith("/ripieno/learn/") and not path.endswith(("bind", "cancel", "all")):
        remote.tell("/ripieno/learn/bind", *ACTS["/ripieno/learn/bind"][0])
    remote.tell(path_of(row), *arguments)
    if expected == NOTHING:
        assert remote.question("/ripieno/version")[0] == "/ripieno/version"  # and no error
        return
    address, values = remote.hear_whole()
    if expected == DONE:
        assert (address, values) == ("/ripieno/done", [path_of(row), ""])
    elif expected == JSON:
        assert address == path_of(row)
        assert isinstance(json.loads(values[0]), dict)
    elif expected is list:
        assert address == path_of(row)
    else:
        assert address == expected, values


@pytest.mark.parametrize("section", addresses.SECTIONS)
def test_each_section_of_the_state_can_be_asked_alone(
    section: str, session: Session, remote: Remote
) -> None:
    address, (text,) = remote.question("/ripieno/state", section)
    assert address == "/ripieno/state"
    part = json.loads(text)
    assert part
    assert part.keys() <= session.state().keys()


def test_sections_are_the_whole_state(session: Session) -> None:
    keys = [key for name in addresses.SECTIONS for key in session.state_section(name)]
    assert sorted(keys) == sorted(session.state())


def test_a_mirror_hears_of_everything_that_changes(session: Session, remote: Remote) -> None:
    remote.question("/ripieno/subscribe", "changes")
    session.set("gain_db", -8.0, 1)  # by whomever
    remote.hear_of("/ripieno/part/2/gain", -8.0)
    session.edit_part(0, polyphony=5)
    _, revision = remote.hear_of("/ripieno/changed", "ensemble")
    assert revision <= session.state()["revision"]
    session.learn.learn(GAIN)
    remote.hear_of("/ripieno/changed", "learn")
    session.learn.cancel()
    remote.hear_of("/ripieno/changed", "learn")
    session.repertoire.play("faders")
    end_s, sections = time.monotonic() + 5.0, set()
    while not sections >= {"ensemble", "learn", "rig"} and time.monotonic() < end_s:
        address, values = remote.hear()
        sections |= {values[0]} if address == "/ripieno/changed" else set()
    assert sections >= {"ensemble", "learn", "rig"}


def test_a_remotes_key_sounds_and_comes_up_by_itself(
    session: Session, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "REMOTE_KEY_S", 0.2)
    session.inputs.stop_file()
    session.panic()
    remote.question("/ripieno/subscribe", "events")

    def hear_of(wanted: str, pitch: int) -> list:
        while True:
            address, values = remote.hear()
            if address == wanted and values[2] == pitch:
                return values

    remote.tell("/ripieno/key", 64, 90)
    assert hear_of("/ripieno/note_on", 64)[3] == 90
    assert hear_of("/ripieno/note_off", 64)  # nobody let it go
    remote.tell("/ripieno/part/2/key", 70, 80)
    values = hear_of("/ripieno/note_on", 70)
    assert (values[1], values[5]) == (2, "direct")
    remote.tell("/ripieno/part/2/key", 70, 0)
    assert hear_of("/ripieno/note_off", 70)


@pytest.mark.slow
def test_the_transports_movements_are_told(session: Session, remote: Remote) -> None:
    session.set("rolling", 0)
    session.set("tempo_bpm", 90.0)
    time.sleep(0.1)
    remote.question("/ripieno/subscribe", "events")

    def hear_of_transport() -> list:
        while True:
            address, values = remote.hear()
            if address == "/ripieno/transport_moved":
                return values

    remote.tell("/ripieno/transport/locate", 8.0)
    values = hear_of_transport()
    assert (values[1], values[3]) == (8.0, 0)
    remote.tell("/ripieno/transport/start")
    frame, beat, tempo_bpm, rolling = hear_of_transport()
    assert (beat, tempo_bpm, rolling) == (8.0, 90.0, 1)
    remote.tell("/ripieno/tempo", 120.0)
    later, at, tempo_bpm, _ = hear_of_transport()
    assert tempo_bpm == 120.0
    assert at == pytest.approx(beat + (later - frame) / 48000 * 90 / 60, abs=1e-3)
    remote.tell("/ripieno/transport/stop")
    assert hear_of_transport()[3] == 0
    for _ in range(9):  # one more than are kept of earlier taps
        remote.tell("/ripieno/transport/tap")
        time.sleep(0.2)
    assert session.get("tempo_bpm") == pytest.approx(300, rel=0.2)


@pytest.mark.slow
def test_a_plugins_parameter_can_be_learned(session: Session, remote: Remote) -> None:
    load_chain(session, remote)
    path = "/ripieno/chain/part_2/1/parameter/gain_db"
    remote.question("/ripieno/subscribe", "changes")
    binding = {"address": path, "number": 77, "mode": "jump", "low": 0.2, "high": 0.8}
    remote.tell("/ripieno/learn/bind", json.dumps(binding))
    until_s = time.monotonic() + 5.0
    while not any(bound.number == 77 for bound in session.learn.bindings):
        assert time.monotonic() < until_s
        time.sleep(0.01)
    session.inputs.play_key(bytes((0xB0, 77, 127)))
    while (heard := remote.hear())[0] != path:
        pass
    assert heard[1][0] == pytest.approx(0.8)
    other = Remote(session.osc_port)  # one that is told of no changes
    assert other.question(path) == (path, [pytest.approx(0.8)])
    other.tell("/ripieno/learn/forget_all")
    for wrong in (path.replace("gain_db", "volume"), path.replace("/1/", "/9/")):
        assert other.question(wrong)[0] == "/ripieno/error"
    other.socket.close()
