"""One device for another while the music plays; what is refused leaves the old one playing."""

import time
from collections.abc import Callable, Iterator

import pytest

from engine import outputs
from engine.errors import RipienoError
from engine.session import Session, Settings
from engine.silence import SilentDevice
from engine.soundfonts import bundled_soundfont
from tests import servers

SETTINGS = Settings(output="none", input_port="none", soundfont=bundled_soundfont())


def eventually(true: Callable[[], bool], timeout_s: float = 10.0) -> bool:
    end_s = time.monotonic() + timeout_s
    while not true() and time.monotonic() < end_s:
        time.sleep(0.01)
    return true()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def session(said: list[str]) -> Iterator[Session]:
    with Session(SETTINGS, said.append) as session:
        yield session


def goes_on(session: Session) -> bool:
    frame = session.engine.frame
    return eventually(lambda: session.engine.frame > frame + 4800)


def test_another_device_plays_on_from_the_same_frame(session: Session, said: list[str]) -> None:
    session.inputs.play_key(bytes((0x90, 60, 90)))
    assert eventually(lambda: session.engine.stats().held_notes == 1)
    old, frame = session.device, session.engine.frame
    session.choose_output("none", 256)
    assert session.device is not old
    assert not old.alive
    assert session.device.block_frames == 256
    assert session.engine.frame >= frame
    assert goes_on(session)
    assert session.engine.stats().held_notes == 1  # the key is still down
    assert said == ["Playing through no sound (48000 Hz, 256 frames)."]


class OtherRate(SilentDevice):
    def __init__(self) -> None:
        super().__init__(44100)
        self.closed = False

    def close(self) -> None:
        self.closed = True


class Refusing(SilentDevice):
    def start(self, engine) -> None:
        raise RipienoError("the card is busy")


@pytest.mark.parametrize(
    ("device", "says"), [(OtherRate, "cannot run at this session's 48000 Hz"), (Refusing, "busy")]
)
def test_one_that_cannot_play_leaves_the_old_one(
    device: type, says: str, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = session.device, device()
    monkeypatch.setattr(outputs, "open_device", lambda *arguments, **more: new)
    with pytest.raises(RipienoError, match=says):
        session.choose_output("other")
    assert session.device is old
    assert goes_on(session)


def test_a_device_that_is_not_there_is_one_sentence(session: Session) -> None:
    old = session.device
    with pytest.raises(RipienoError):
        session.choose_output("no such sound card anywhere")
    assert session.device is old
    assert goes_on(session)


@pytest.mark.jack
@pytest.mark.slow
def test_to_jack_and_back_with_its_keyboards(said: list[str]) -> None:
    with servers.jack_server() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("JACK_DEFAULT_SERVER", server.name)
        with Session(SETTINGS, said.append) as session:
            session.choose_input("")
            session.choose_output("jack")
            assert session.output.takes_midi
            assert goes_on(session)
            session.choose_input("nobody's keys")
            assert session.input_names() == []
            assert "nobody's keys" in session.missing_input()
            session.choose_input("none")
            session.choose_output("none")
            assert not session.output.takes_midi
            assert goes_on(session)
        assert session.engine.stats().dropped_events == 0
