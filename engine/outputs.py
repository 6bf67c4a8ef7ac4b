"""The device a session plays through: lost and found again, silent meanwhile, changed for another.

The session makes it, its tender asks it twice a second. The engine's rate is fixed when it is
made, so another device must take that rate. [main]
"""

from __future__ import annotations

import contextlib
import threading
from typing import Any

from engine import portaudio
from engine.devices import JACK, NONE, open_device
from engine.ensembles import Ensemble
from engine.errors import RipienoError
from engine.portaudio import OutputDevice
from engine.settings import NO_INPUT, Settings
from engine.silence import SilentDevice

NO_SUCH_SOURCE = "(no input)"


class Output:
    """The present device of a session, and silence in its place while it is gone."""

    def __init__(self, settings: Settings, device: Any = None) -> None:
        self._channels = (settings.output_channels, settings.input_channels)
        self.device: Any = device or open_device(
            settings.output, settings.rate_hz, settings.block_frames, *self._channels
        )
        self.input_wanted = settings.input_port  # None: every keyboard
        self._engine: Any = None
        self._part_names: list[str] = []
        self._silence: SilentDevice | None = None
        self._closed = False
        self._lock = threading.RLock()

    @property
    def takes_midi(self) -> bool:
        """Whether the device itself reads the keyboards: JACK does. [any]"""
        return type(self.device).__name__ == "JackDevice"

    def start(self, engine: Any) -> None:
        """Run `engine` from now on. RipienoError if the device refuses. [main]"""
        with self._lock:
            self._engine = engine
            self._start(self.device)

    def name_parts(self, ensemble: Ensemble) -> None:
        """Show these parts' names where the device can. [main]"""
        with self._lock:
            self._part_names = [part.name for part in ensemble.parts]
            self.device.name_parts(self._part_names)

    def tend(self) -> list[str]:
        """Bring back a lost device; play on in silence meanwhile; what happened. [main]"""
        with self._lock:
            if self._closed:
                return []
            if not self.device.alive and self._silence is not None:
                self._silence.close()  # the device may take the engine back: only one may run it
                self._silence = None
            sentences = self.device.tend()
            if not self.device.alive and self._silence is None:
                self._silence = SilentDevice(self._engine.rate_hz)
                self._silence.start(self._engine)
            return sentences

    def choose(self, name: str, block_frames: int | None = None) -> None:
        """Play through another device. RipienoError, and the old one plays on, if not. [worker]"""
        with self._lock:
            rate_hz = self._engine.rate_hz
            new = self._open(name, rate_hz, block_frames)
            if new.rate_hz != rate_hz:
                new.close()
                raise RipienoError(
                    f"{new.description} cannot run at this session's {rate_hz} Hz: start again "
                    f"with --out {name}"
                )
            if self._silence is not None:
                self._silence.close()
                self._silence = None
            old = self.device
            old.close()
            try:
                self._start(new)
            except RipienoError:
                new.close()
                self._start(old)
                raise
            self.device = new

    def list_sound_cards(self) -> list[OutputDevice]:
        """Those there are now, plugged in later too; RipienoError without PortAudio. [worker]"""
        with self._lock:
            if not self._on_sound_card:
                portaudio.list_again()
                return portaudio.list_devices()
        return portaudio.list_from_outside()

    def listen(self, wanted: str | None) -> None:
        """Have a device that takes MIDI listen to this source; None: to every one. [worker]"""
        with self._lock:
            self.input_wanted = wanted
            if self.takes_midi:
                self.device.listen_to(_source(wanted))

    def close(self) -> None:
        """Fade out and let go of the device. Idempotent. [main]"""
        with self._lock:
            self._closed = True
            if self._silence is not None:
                self._silence.close()
            self.device.close()

    @property
    def _on_sound_card(self) -> bool:
        return type(self.device).__name__ == "PortAudioDevice"

    def _open(self, name: str, rate_hz: int, block_frames: int | None) -> Any:
        """The device `name`; one that was plugged in since is not known at the first look."""
        try:
            return open_device(name, rate_hz, block_frames, *self._channels)
        except RipienoError:
            if name in (JACK, NONE):
                raise
        self._look_again()
        return open_device(name, rate_hz, block_frames, *self._channels)

    def _look_again(self) -> None:
        """Look for sound cards anew, which interrupts the one that plays, if one does."""
        if not self._on_sound_card:
            portaudio.list_again()
            return
        if self._silence is not None:
            self._silence.close()
            self._silence = None
        with contextlib.suppress(RipienoError):  # it is gone; it may still come back
            self.device.reopen()

    def _start(self, device: Any) -> None:
        if type(device).__name__ == "JackDevice":
            device.start(self._engine, midi_source=_source(self.input_wanted))
        else:
            device.start(self._engine)
        device.name_parts(self._part_names)


def _source(wanted: str | None) -> str | None:
    return NO_SUCH_SOURCE if wanted == NO_INPUT else wanted
