"""Sound cards that are plugged in while the music plays: listed, chosen, and nothing stops for it.

The card that comes later is a name of ALSA's configuration, the one that plays PipeWire's sink.
"""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.errors import RipienoError
from engine.outputs import Output
from engine.portaudio import PortAudioDevice, list_again
from engine.settings import Settings
from engine.silence import SilentDevice
from tests.engine.rig_helpers import new_engine
from tests.servers import PipeWire

pytestmark = pytest.mark.jack
SYSTEM = "</usr/share/alsa/alsa.conf>\n"
LATE = "pcm.latecomer { type pipewire }\n"


@pytest.fixture
def plug_in(
    pipewire: PipeWire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], None]]:
    """Plugs the latecomer in."""
    file = tmp_path / "alsa.conf"
    file.write_text(SYSTEM)
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(file))
    list_again()

    def plug_in() -> None:
        file.write_text(SYSTEM + LATE)
        later_s = time.time() + 10.0
        os.utime(file, (later_s, later_s))  # ALSA looks at whole seconds

    yield plug_in
    monkeypatch.undo()
    list_again()


@pytest.mark.parametrize("on_card", [False, True])
def test_a_card_plugged_in_later_is_listed_and_chosen(
    plug_in: Callable[[], None], on_card: bool
) -> None:
    engine = new_engine(parts=1)
    output = Output(Settings(), PortAudioDevice() if on_card else SilentDevice(48000))
    output.start(engine)
    try:
        assert "latecomer" not in [card.name for card in output.list_sound_cards()]
        with pytest.raises(RipienoError, match="no output device is called 'latecomer'"):
            output.choose("latecomer")
        plug_in()
        assert goes_on(engine)
        assert "latecomer" in [card.name for card in output.list_sound_cards()]
        assert goes_on(engine)
        output.choose("latecomer")
        assert output.device.info.name == "latecomer"
        assert goes_on(engine)
    finally:
        output.close()
        engine.close()


def goes_on(engine) -> bool:
    frame, until_s = engine.frame, time.monotonic() + 20.0
    while engine.frame < frame + 4800 and time.monotonic() < until_s:
        time.sleep(0.01)
    return engine.frame >= frame + 4800
