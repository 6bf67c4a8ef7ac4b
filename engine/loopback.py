"""Ways into another program that this system offers: virtual MIDI ports and virtual sound devices.

On Linux JACK and PipeWire have a port for everything, and nothing else is needed. macOS and Windows
need something installed or switched on; `ripieno doctor` and `ripieno devices` say what there is
and what to get. Known by their names. [main]
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass

# Words in the names of ports and devices that lead into another program.
MIDI_LOOPBACKS = {
    "win32": ("loopmidi", "loopbe", "app loopback", "midi yoke", "bome midi translator"),
    "darwin": ("iac driver", "iac-treiber", "iac bus", "gestionnaire iac"),
}
AUDIO_LOOPBACKS = {
    "win32": ("vb-audio", "vb-cable", "cable input", "voicemeeter", "virtual audio cable"),
    "darwin": ("blackhole", "loopback audio", "soundflower", "aggregate", "vb-cable"),
}
MIDI_ADVICE = {
    "win32": "for a DAW to play the parts: install loopMIDI and add a port in it, then ripieno "
    'play --midi-out loopMIDI (or, where Windows has MIDI Services, --midi-out "App Loopback (A)")',
    "darwin": "for a DAW to play the parts: ripieno play --midi-out channels makes a port; for one "
    "that stays: Audio MIDI Setup, Window, Show MIDI Studio, IAC Driver, Device is online",
}
AUDIO_ADVICE = {
    "win32": "for a DAW to record the stems: install VB-CABLE (or VoiceMeeter, of more channels); "
    "then ripieno play --out CABLE --output-channels all",
    "darwin": "for a DAW to record the stems: install BlackHole 16ch; then ripieno play --out "
    "BlackHole --output-channels all",
}


@dataclass(frozen=True)
class Ways:
    """Names of ports and devices that lead into other programs."""

    midi: tuple[str, ...]
    audio: tuple[str, ...]


def look() -> Ways:
    """Those of this system, whatever of it can be looked at. [main]"""
    from engine import portaudio
    from engine.errors import RipienoError
    from engine.midi import ports

    midi: list[str] = []
    audio: list[str] = []
    with contextlib.suppress(RipienoError):
        midi = ports.input_names()  # a loopback is an input as well as an output
    with contextlib.suppress(RipienoError):
        audio = [device.name for device in portaudio.list_devices()]
    return find_ways(midi, audio)


def find_ways(
    midi_ports: Sequence[str], sound_devices: Sequence[str], system: str | None = None
) -> Ways:
    """Those of the names that are loopbacks on `system`, else on this one. [any]"""
    system = system or sys.platform
    return Ways(
        _known(midi_ports, MIDI_LOOPBACKS.get(system, ())),
        _known(sound_devices, AUDIO_LOOPBACKS.get(system, ())),
    )


def is_midi_loopback(name: str, system: str | None = None) -> bool:
    """Whether what is sent to a port of this name comes back on one of the same name. [any]"""
    return bool(_known([name], MIDI_LOOPBACKS.get(system or sys.platform, ())))


def advice(ways: Ways, system: str | None = None) -> str:
    """What to install or switch on for a DAW to be reached; empty if nothing is missing. [any]"""
    system, missing = system or sys.platform, []
    if not ways.midi and system in MIDI_ADVICE:
        missing.append(MIDI_ADVICE[system])
    if not ways.audio and system in AUDIO_ADVICE:
        missing.append(AUDIO_ADVICE[system])
    return "; ".join(missing)


def _known(names: Sequence[str], words: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if any(word in name.casefold() for word in words))
