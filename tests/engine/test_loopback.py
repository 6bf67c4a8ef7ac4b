"""Virtual ports and devices are known by their names, and what lacks is told for each system."""

import pytest

from engine import doctor, jack, loopback
from engine.doctor import ADVICE, GOOD
from engine.inputs import Inputs
from engine.loopback import Ways, advice, find_ways

WINDOWS_PORTS = ["Launchkey MK3 0", "loopMIDI Port 1", "Default App Loopback (A) 2"]
WINDOWS_DEVICES = ["Speakers (Realtek)", "CABLE Input (VB-Audio Virtual Cable)"]
MAC_PORTS = ["Launchkey MK3", "IAC Driver Bus 1"]
MAC_DEVICES = ["MacBook Pro Speakers", "BlackHole 16ch", "Ripieno Aggregate"]


def test_loopbacks_are_found_among_other_names() -> None:
    assert find_ways(WINDOWS_PORTS, WINDOWS_DEVICES, "win32") == Ways(
        ("loopMIDI Port 1", "Default App Loopback (A) 2"),
        ("CABLE Input (VB-Audio Virtual Cable)",),
    )
    assert find_ways(MAC_PORTS, MAC_DEVICES, "darwin") == Ways(
        ("IAC Driver Bus 1",), ("BlackHole 16ch", "Ripieno Aggregate")
    )
    assert find_ways(MAC_PORTS, MAC_DEVICES, "linux") == Ways((), ())


@pytest.mark.parametrize(
    ("system", "midi", "audio"),
    [("win32", "loopMIDI", "VB-CABLE"), ("darwin", "IAC Driver", "BlackHole")],
)
def test_what_lacks_is_told(system: str, midi: str, audio: str) -> None:
    told = advice(Ways((), ()), system)
    assert midi in told
    assert audio in told
    assert midi not in advice(Ways(("a port",), ()), system)
    assert advice(Ways(("a port",), ("a device",)), system) == ""
    assert advice(Ways((), ()), "linux") == ""


def test_the_doctor_looks_for_ways_into_a_daw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jack, "jack_running", lambda: True)
    assert doctor.check_daw().state == GOOD
    monkeypatch.setattr(jack, "jack_running", lambda: False)
    assert "pw-jack" in doctor.check_daw().fix
    monkeypatch.setattr(doctor.sys, "platform", "win32")
    monkeypatch.setattr(loopback, "look", lambda: find_ways(WINDOWS_PORTS, [], "win32"))
    finding = doctor.check_daw()
    assert finding.state == ADVICE
    assert "loopMIDI Port 1" in finding.found
    assert "engine/DAW.md" in finding.fix


def test_a_loopback_is_no_keyboard(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a DAW is sent must not come back as if it were played."""
    opened: list[str] = []
    inputs = Inputs(None)
    monkeypatch.setattr(loopback.sys, "platform", "win32")
    monkeypatch.setattr(inputs, "_look", Look(WINDOWS_PORTS))
    monkeypatch.setattr(inputs, "_open_keyboard", opened.append)
    inputs.tend()
    assert opened == ["Launchkey MK3 0"]


class Look:
    """A MIDI system with these ports."""

    def __init__(self, names: list[str]) -> None:
        self._names = names

    def get_ports(self) -> list[str]:
        return self._names
