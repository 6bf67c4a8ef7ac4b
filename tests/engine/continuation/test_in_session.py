"""Playing on in a session: remotes, rigs and the terminal see and set it. A small worker plans."""

import json
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from engine import rigging
from engine.continuation import manager
from engine.continuation.memory import plan_memory as pm
from engine.notes import NoteLog
from engine.rigs import RigError, load_rig, rig_of
from engine.session import Session, Settings
from engine.soundfonts import bundled_soundfont
from engine.terminal import floor_text, status_text
from tests.engine.continuation.plan_helpers import heard
from tests.engine.test_remote import Remote

COMMAND = (sys.executable, "-m", "tests.engine.continuation.scale_worker")
ON, OFF = bytes([0x90, 60, 90]), bytes([0x80, 60, 64])


@pytest.fixture
def log() -> NoteLog:
    return NoteLog()


@pytest.fixture
def session(log: NoteLog, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    made = manager.Continuation

    def continuation(*arguments, **named):
        return made(*arguments, command=COMMAND, **named)

    monkeypatch.setattr("engine.session.Continuation", continuation)
    settings = Settings(output="none", input_port="none", soundfont=bundled_soundfont(), osc_port=0)
    with Session(settings, lambda sentence: None, log.add) as session:
        yield session


@pytest.fixture
def remote(session: Session) -> Iterator[Remote]:
    remote = Remote(session.osc_port)
    yield remote
    remote.socket.close()


def wait(true: Callable[[], object], timeout_s: float = 60.0) -> None:
    end_s = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def phrase(session: Session) -> None:
    session.inputs.play_key(ON)
    session.inputs.play_key(OFF)


def be_ready(session: Session, mode: str = "takeover") -> None:
    session.continuation.set("silence_beats", 0.5)
    session.continuation.set("mode", mode)
    wait(lambda: session.continuation.state()["worker"]["state"] == "ready")


def test_the_player_stops_the_ensemble_plays_on_and_yields(session: Session, log: NoteLog) -> None:
    be_ready(session)
    phrase(session)
    wait(lambda: sum(note.how == "ensemble" for note in log.notes) > 3)
    assert session.continuation.state()["floor"] == "ensemble"
    session.inputs.play_key(ON)
    wait(lambda: session.continuation.state()["floor"] == "player")
    session.inputs.play_key(OFF)
    wait(lambda: log.sounding == 0)
    assert {note.how for note in log.notes} == {"network", "ensemble"}


def test_remotes_hear_of_the_floor_the_plan_and_the_state(session: Session, remote: Remote) -> None:
    for topic in ("events", "plan", "changes"):
        assert remote.question("/ripieno/subscribe", topic)[0] == "/ripieno/subscribed"
    be_ready(session)
    phrase(session)
    found: dict[str, list] = {}
    end_s = time.monotonic() + 60.0
    wanted = {"/ripieno/floor", "/ripieno/plan", "/ripieno/changed"}
    while not wanted <= found.keys() and time.monotonic() < end_s:
        address, values = remote.hear_whole()
        if address != "/ripieno/changed" or values[0] == "continuation":
            found[address] = values
    assert found["/ripieno/floor"][0] == "ensemble"
    plan = json.loads(found["/ripieno/plan"][0])
    assert plan.keys() == {"serial", "until_beat", "frame", "beat", "tempo_bpm", "notes"}
    part, pitch, velocity, beat, duration = plan["notes"][0]
    assert 1 <= part <= 4
    assert (velocity, duration) == (80, 0.4)
    assert 60 <= pitch <= 71
    assert beat > 0
    other = Remote(session.osc_port)
    state = json.loads(other.question("/ripieno/state", "continuation")[1][0])["continuation"]
    other.socket.close()
    assert state["worker"]["model"] == "scale"


def test_attention_is_told_to_those_who_ask_and_only_then(session: Session, remote: Remote) -> None:
    asked: list[dict] = []
    ask = session.continuation._keeper.ask
    session.continuation._keeper.ask = lambda **line: (asked.append(line), ask(**line))  # pyright: ignore[reportAttributeAccessIssue]
    be_ready(session)
    for _ in range(3):
        session.tend()
    assert asked == []
    assert remote.question("/ripieno/subscribe", "attention", 60.0)[0] == "/ripieno/subscribed"
    address, values = remote.hear_whole()
    while address != "/ripieno/attention":
        address, values = remote.hear_whole()
    told = json.loads(values[0])
    assert told["notes"][0] == [1, 60, 0.0, 0.5, 0.6]
    assert told["note"][:2] == [3, 67]
    assert told["remembered"] == 2
    assert asked[0] == {"do": "attend", "seconds": manager.ATTEND_S}


def test_start_and_stop_by_remote(session: Session, remote: Remote) -> None:
    address, values = remote.question("/ripieno/continuation/start")
    assert address == "/ripieno/error"
    assert "choose first" in values[0]
    be_ready(session, "vary")
    remote.tell("/ripieno/continuation/start")
    wait(lambda: session.continuation.floor == "ensemble")
    remote.tell("/ripieno/continuation/stop")
    wait(lambda: session.continuation.floor == "player")


def test_a_key_and_a_controller_can_be_its_buttons(session: Session) -> None:
    """A key of its own hands the floor over, a controller takes it back; neither is music."""
    be_ready(session)
    session.continuation.set("silence_beats", 16)
    key, button = bytes([0x99, 36, 90]), bytes([0xB0, 80, 127])
    for address, source, message in (
        ("/ripieno/continuation/start", "notes", key),
        ("/ripieno/continuation/stop", "controls", button),
    ):
        session.learn.learn(address, source)
        session.inputs.play_key(message)
        wait(lambda address=address: address in [b.address for b in session.learn.bindings])
    phrase(session)
    memory = session.continuation.memory
    wait(lambda: 60 in heard(memory, pm.NOTE_ON)["pitch"])
    played = len(heard(memory, pm.NOTE_ON))  # with the key's stroke while it was learned
    session.inputs.play_key(key)
    wait(lambda: session.continuation.floor == "ensemble")
    session.inputs.play_key(button)
    wait(lambda: session.continuation.floor == "player")
    assert len(heard(memory, pm.NOTE_ON)) == played


def test_another_ensemble_makes_it_forget_and_an_edited_part_does_not(session: Session) -> None:
    be_ready(session)
    memory = session.continuation.memory
    session.edit_part(0, polyphony=3)
    time.sleep(0.2)
    assert len(heard(memory, pm.FORGET)) == 0
    session.set_ensemble("brass_quartet")
    wait(lambda: len(heard(memory, pm.FORGET)) == 1)
    assert session.continuation._line()["parts"][0]["name"] == "Trumpet"


def test_a_rig_sets_it_up_and_holds_it(session: Session) -> None:
    rigging.set_up(session, load_rig("answering_quartet"))
    session.set("continues", 0, 2)
    assert session.continuation.mode == "takeover"
    kept = rigging.capture(session)
    assert kept.continuation["length_bars"] == 8
    assert kept.continuation["mode"] == "takeover"
    assert kept.continuation["pedal"] == 67
    assert kept.parts["Viola"]["continues"] == 0
    session.continuation.set("mode", "off")
    session.set("continues", 1, 2)
    rigging.set_up(session, kept)
    assert session.continuation.mode == "takeover"
    assert session.get("continues", 2) == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ({"mode": "sing"}, "'sing' must be one of"),
        ({"silence_beats": 99}, "silence_beats = 99"),
        ({"loudness": 1}, "unknown key 'loudness'"),
    ],
)
def test_what_a_rig_may_not_say_of_it_is_refused(text: dict, says: str) -> None:
    with pytest.raises(RigError, match=says):
        rig_of("mine", {"name": "Mine", "continuation": text})


def test_the_terminal_shows_who_has_the_floor(session: Session) -> None:
    assert "takeover" not in status_text(session.state(), session.statistics())
    session.continuation.set("mode", "takeover")
    text = floor_text(session.continuation.state())
    assert text in ("takeover: loading", "takeover: player")
    wait(lambda: session.continuation.state()["worker"]["state"] == "ready")
    assert "takeover: player" in status_text(session.state(), session.statistics())


def test_a_session_may_begin_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    made = manager.Continuation
    monkeypatch.setattr(
        "engine.session.Continuation", lambda *a, **n: made(*a, command=COMMAND, **n)
    )
    settings = Settings(
        output="none", input_port="none", soundfont=bundled_soundfont(), continuation="trade"
    )
    said: list[str] = []
    with Session(settings, said.append) as session:
        assert session.continuation.mode == "trade"
        from engine.report import introduction

        assert any("play in turns" in sentence for sentence in introduction(session))
