"""The PortAudio device: one output stream whose callback is the engine's native code.

Used where there is no JACK: ALSA, PulseAudio and PipeWire through ALSA, CoreAudio, WASAPI, ASIO.
JACK servers are left to engine.jack.
The library is the one sounddevice brings; the stream is opened below its Python classes, so the
audio thread never enters Python. The session opens it on the main thread. Order of life: open,
build the Engine at `rate_hz`, start, tend once or twice a second, close.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.alsa_thread import allow_cancelling_of_spinning, ask_for_realtime, running_threads
from engine.errors import RipienoError
from engine.rt.layout import IN_CHANNELS, OUT_CHANNELS

USUAL_RATE_HZ = 48000
DEFAULT_BLOCK_FRAMES = 128
MAX_BLOCK_FRAMES = 8192
ALL_CHANNELS = 0
LOOK_LIMIT_S = 60.0
STALLED_S = 1.0  # a stream that has played and then calls us no more is lost
BEHIND_S = 2.0  # after which one that has played less than half of what was due never will
LATENCIES: tuple[str | float, ...] = ("low", "high", 0.1, 0.2)  # what follows on what
# PipeWire, played to as ALSA, would take ten channels for loudspeakers and mix them into others.
APART = "{ stream.dont-remix = true }"


@dataclass(frozen=True)
class OutputDevice:
    """One row of `ripieno devices`."""

    index: int
    name: str
    host_api: str
    channels: int
    rate_hz: int
    latency_ms: float
    default: bool
    inputs: int = 0  # channels


class PortAudioDevice:
    """One output device of the system, by number, by any part of its name, or the default.

    The master goes to the first two of its `channels`, the parts' stems to the pairs after them;
    ALL_CHANNELS takes what the device has. Its first `inputs` channels are returns into the mixer,
    two each. Without `rate_hz` it is 48000, or the device's own if
    it does not take that. `latency` is "low", "high" or seconds. Raises RipienoError when the
    device is not there, or does not take the channels or the rate. [main]
    """

    def __init__(
        self,
        device: int | str | None = None,
        rate_hz: int | None = None,
        block_frames: int = DEFAULT_BLOCK_FRAMES,
        channels: int = 2,
        inputs: int = 0,
        latency: str | float = "low",
    ) -> None:
        if not 1 <= block_frames <= MAX_BLOCK_FRAMES:
            raise RipienoError(f"block must be 1 to {MAX_BLOCK_FRAMES} frames, got {block_frames}")
        if channels != ALL_CHANNELS and (channels % 2 or not 2 <= channels <= OUT_CHANNELS):
            raise RipienoError(
                f"output channels must be an even number from 2 to {OUT_CHANNELS}, got {channels}"
            )
        if inputs % 2 or not 0 <= inputs <= IN_CHANNELS:
            raise RipienoError(
                f"input channels must be an even number from 0 to {IN_CHANNELS}, got {inputs}"
            )
        self._sounddevice = load_sounddevice()
        self._latency = latency
        self._channels_wanted = channels
        self.inputs = inputs
        self._part_names: tuple[str, ...] = ()
        self._engine: Any = None
        self._stream: Any = None
        self._threads: set[int] = set()  # the stream's, where the system tells
        self._progress = 0, 0.0  # the frame when last looked, and when it last grew
        self._stands = False  # it did not for STALLED_S: true till the next start
        self._began = 0, 0.0  # frame and time of the stream's start
        self._wanted = True
        self._lost_said = False
        self._lock = threading.RLock()
        self.block_frames = block_frames
        self.info = find_device(device)
        self.channels = self._channels()
        self.rate_hz = self._choose_rate(rate_hz)
        atexit.register(self.close)

    @property
    def description(self) -> str:
        """One phrase for the player. [main]"""
        return (
            f"{self.info.name} ({self.info.host_api}, {self.rate_hz} Hz, "
            f"{self.block_frames} frames, {self._channels_in_words()})"
        )

    @property
    def alive(self) -> bool:
        """True while the stream runs and plays. [any]"""
        stream = self._stream
        return stream is not None and self._active(stream) and not self._stalled()

    @property
    def latency_frames(self) -> int:
        """Frames from the callback's output to the speaker, as the driver tells them. [main]"""
        if self._stream is None:
            return round(self.info.latency_ms * self.rate_hz / 1000)
        info = self._sounddevice._lib.Pa_GetStreamInfo(self._stream)
        return round(info.outputLatency * self.rate_hz) if info else self.block_frames

    def start(self, engine: Any) -> None:
        """Run `engine` in the stream's callback. RipienoError when the device refuses. [main]"""
        with self._lock:
            if self._stream is not None:
                raise RipienoError("this device is already playing")
            if engine.rate_hz != self.rate_hz:
                raise RipienoError(
                    f"the device runs at {self.rate_hz} Hz and the engine at {engine.rate_hz} Hz"
                )
            self._engine = engine
            self._wanted = True
            self._stream = self._open_stream(engine)
            engine.set_device_channels(self.channels)
            engine.set_input_channels(self.inputs)
            engine.begin(self.block_frames, True)
            self._progress, self._stands = (engine.frame, math.inf), False
            others = running_threads()
            code = self._sounddevice._lib.Pa_StartStream(self._stream)
            self._threads = running_threads() - others
            self._began = engine.frame, time.monotonic()  # some cards take seconds to start
            if code != 0:
                self._sounddevice._lib.Pa_CloseStream(self._stream)
                self._stream = None
                raise RipienoError(f"{self.info.name!r} did not start: {self._text(code)}")
            atexit.register(self.close)

    def name_parts(self, names: Sequence[str]) -> None:
        """Whose stems the channels are; for the description, they have no names. [main]"""
        self._part_names = tuple(names)

    def tend(self) -> list[str]:
        """Reopen a stream that ended by itself; what happened, in sentences. Never raises. [main]

        One that plays less than half of what is due, as its server asks for more at once than its
        buffer holds, is opened with more latency. Call it once or twice a second.
        """
        with self._lock:
            if self._engine is None or not self._wanted:
                return []
            said = []
            if self._starves():
                self._latency = LATENCIES[LATENCIES.index(self._latency) + 1]
                with contextlib.suppress(RipienoError):
                    self.reopen()
                    ms = 1000 * self.latency_frames / self.rate_hz
                    said.append(
                        f"{self.info.name} asks for more sound at once than its buffer held; "
                        f"its latency is {ms:.0f} ms now."
                    )
            if self.alive:
                return said
            if not self._lost_said:
                self._lost_said = True
                said.append(f"{self.info.name} has stopped; waiting for it to come back.")
            try:
                self.reopen()
            except RipienoError:
                return said
            self._lost_said = False
            return [*said, f"{self.info.name} is back."]

    def reopen(self) -> None:
        """Open the device again by its name, with the same engine; RipienoError if it is gone.

        PortAudio lists the devices anew for it, which ends every other stream of the process.
        After the error the device still waits: `reopen` and `tend` may be tried again. [main]
        """
        with self._lock:
            if self._engine is None:
                raise RipienoError("this device has never been started")
            self._close_stream()
            try:
                list_again()
                self.info = find_device(self.info.name)
                self.channels = self._channels()
                self._choose_rate(self.rate_hz)
                self.start(self._engine)
            except self._sounddevice.PortAudioError as error:
                raise RipienoError(f"{self.info.name!r} did not reopen: {error}") from error

    def close(self) -> None:
        """Fade out and close the stream. Idempotent; also called at interpreter exit. [main]"""
        with self._lock:
            self._wanted = False
            atexit.unregister(self.close)
            self._close_stream()

    def _channels(self) -> int:
        if self.info.channels < 2:
            raise RipienoError(
                f"{self.info.name!r} has {self.info.channels} output channel(s): at least 2 needed"
            )
        if self.inputs > self.info.inputs:
            raise RipienoError(
                f"{self.info.name!r} has {self.info.inputs} input channels, {self.inputs} are "
                "asked for"
            )
        wanted = self._channels_wanted
        if wanted == ALL_CHANNELS:
            return min(self.info.channels & ~1, OUT_CHANNELS)
        if wanted > self.info.channels:
            raise RipienoError(
                f"{self.info.name!r} has {self.info.channels} output channels, {wanted} are "
                "asked for"
            )
        return wanted

    def _channels_in_words(self) -> str:
        """Which part is heard where; only what fits on the device."""
        back = f", {self.inputs} back" if self.inputs else ""
        if self.channels == 2:
            return f"2 channels{back}"
        pairs = [("master", 1), *((name, 3 + 2 * i) for i, name in enumerate(self._part_names))]
        played = [f"{at}-{at + 1} {name}" for name, at in pairs if at < self.channels]
        return f"{self.channels} channels{back}: {', '.join(played)}"

    def _choose_rate(self, rate_hz: int | None) -> int:
        """The rate asked for; without one the usual rate, else the device's own."""
        codes = {}
        for rate in [rate_hz] if rate_hz else [USUAL_RATE_HZ, self.info.rate_hz]:
            codes[rate] = self._sounddevice._lib.Pa_IsFormatSupported(
                self._parameters("input"), self._parameters("output"), rate
            )
            if codes[rate] == 0:
                return rate
        rate, code = codes.popitem()
        raise RipienoError(
            f"{self.info.name!r} does not take {self.channels} channels at {rate} Hz "
            f"({self._text(code)}); its own rate is {self.info.rate_hz} Hz"
        )

    def _parameters(self, way: str) -> Any:
        """PaStreamParameters of the "input" or the "output"; NULL for no input."""
        lib, ffi = self._sounddevice._lib, self._sounddevice._ffi
        count = self.channels if way == "output" else self.inputs
        if count == 0:
            return ffi.NULL
        latency = self._latency
        if latency in ("low", "high"):
            found = self._sounddevice.query_devices(self.info.index)
            latency = found[f"default_{latency}_{way}_latency"]
        layout = lib.paFloat32 | lib.paNonInterleaved
        values = (self.info.index, count, layout, float(latency), ffi.NULL)
        return ffi.new("PaStreamParameters*", values)

    def _open_stream(self, engine: Any) -> Any:
        lib, ffi = self._sounddevice._lib, self._sounddevice._ffi
        pointer = ffi.new("PaStream**")
        with _set_meanwhile("PIPEWIRE_ALSA", os.environ.get("PIPEWIRE_ALSA", APART)):
            code = lib.Pa_OpenStream(
                pointer,
                self._parameters("input"),
                self._parameters("output"),
                self.rate_hz,
                self.block_frames,
                lib.paClipOff | lib.paDitherOff,
                ffi.cast("PaStreamCallback*", engine.portaudio_callback_address),
                ffi.cast("void*", engine.user_data),
            )
        if code != 0:
            raise RipienoError(f"{self.info.name!r} did not open: {self._text(code)}")
        if self.info.host_api == "ALSA":
            ask_for_realtime(self._sounddevice, pointer[0])
        return pointer[0]

    def _close_stream(self) -> None:
        """Ask the callback to end, then close the stream; only then may arrays be freed."""
        if self._stream is None:
            return
        stream, self._stream = self._stream, None
        try:
            if self._active(stream) and (self._stalled() or not self._engine.quit_and_wait()):
                allow_cancelling_of_spinning(self._threads)
        finally:
            self._sounddevice._lib.Pa_AbortStream(stream)
            self._sounddevice._lib.Pa_CloseStream(stream)

    def _active(self, stream: Any) -> bool:
        return self._sounddevice._lib.Pa_IsStreamActive(stream) == 1

    def _starves(self) -> bool:
        """Whether the stream has got on too slowly since its start, and more latency may help."""
        if self._stream is None or not self._active(self._stream):
            return False
        frames, seconds = self._engine.frame - self._began[0], time.monotonic() - self._began[1]
        behind = frames < seconds * self.rate_hz / 2
        late = seconds > BEHIND_S or self._stalled()
        return behind and late and self._latency in LATENCIES[:-1]

    def _stalled(self) -> bool:
        """Whether the stream, once begun, has not called us for STALLED_S."""
        frame, now_s = self._engine.frame, time.monotonic()
        if frame != self._progress[0]:
            self._progress = frame, now_s
        self._stands = self._stands or now_s - self._progress[1] > STALLED_S
        return self._stands

    def _text(self, code: int) -> str:
        lib, ffi = self._sounddevice._lib, self._sounddevice._ffi
        return ffi.string(lib.Pa_GetErrorText(code)).decode(errors="replace")


def list_devices() -> list[OutputDevice]:
    """Every device that can play, in the system's order. [main]"""
    sounddevice = load_sounddevice()
    apis = [api["name"] for api in sounddevice.query_hostapis()]
    default = _default_index(sounddevice)
    return [
        OutputDevice(
            index=int(found["index"]),
            name=str(found["name"]),
            host_api=str(apis[found["hostapi"]]),
            channels=int(found["max_output_channels"]),
            rate_hz=int(found["default_samplerate"]),
            latency_ms=1000.0 * float(found["default_low_output_latency"]),
            default=found["index"] == default,
            inputs=int(found["max_input_channels"]),
        )
        for found in sounddevice.query_devices()
        if found["max_output_channels"] > 0 and not apis[found["hostapi"]].startswith("JACK")
    ]


def find_device(wanted: int | str | None) -> OutputDevice:
    """The device of this number, of this name or of a name that contains it, or the default.

    RipienoError names what was asked for and what there is. [main]
    """
    devices = list_devices()
    if not devices:
        raise RipienoError("the system has no sound output device; see: ripieno doctor")
    if wanted is None or wanted == "":
        chosen = [d for d in devices if d.default] or devices
        return chosen[0]
    text = str(wanted)
    for matches in (
        [d for d in devices if text.isdigit() and d.index == int(text)],
        [d for d in devices if d.name == text],
        [d for d in devices if text.lower() in f"{d.name}, {d.host_api}".lower()],
    ):
        if matches:
            return matches[0]
    names = ", ".join(f"{d.index} {d.name!r}" for d in devices)
    raise RipienoError(f"no output device is called {text!r}; there are: {names}")


def list_again() -> None:
    """Let PortAudio look for devices anew. No stream may be open. [main]"""
    sounddevice = load_sounddevice()
    with contextlib.suppress(sounddevice.PortAudioError):  # an earlier look may have failed
        sounddevice._terminate()
    with _without_jack():
        sounddevice._initialize()


def list_from_outside() -> list[OutputDevice]:
    """Every device there is now, as a process of its own finds them: a stream may play. [worker]

    Here PortAudio would have to end its streams before it looks for devices anew.
    """
    root = str(Path(__file__).resolve().parents[1])
    code = (
        "import json, sys; from dataclasses import asdict; sys.path.insert(0, sys.argv[1]);"
        "from engine.portaudio import list_devices;"
        "print(json.dumps([asdict(device) for device in list_devices()]))"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, root],
            capture_output=True,
            timeout=LOOK_LIMIT_S,
            check=True,
        )
        return [OutputDevice(**found) for found in json.loads(done.stdout.splitlines()[-1])]
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        raise RipienoError(f"the sound devices could not be looked for: {error}") from error


def load_sounddevice() -> Any:
    """The sounddevice module; RipienoError when PortAudio itself is missing. [main]"""
    try:
        with _without_jack():
            import sounddevice
    except OSError as error:
        raise RipienoError(
            "the PortAudio library is not installed (Debian: apt-get install libportaudio2) "
            f"({error})"
        ) from error
    return sounddevice


def _without_jack() -> contextlib.AbstractContextManager[None]:
    """Keep PortAudio, which is about to look for devices, away from JACK; we play JACK ourselves.

    It would join the server for good, as a client that stalls the server if the process dies;
    if the server dies, its stop and close wait ten minutes and its end crashes.
    """
    return _set_meanwhile("JACK_DEFAULT_SERVER", "none")


@contextlib.contextmanager
def _set_meanwhile(name: str, value: str) -> Iterator[None]:
    """An environment variable of C libraries has this value inside."""
    previous = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
        if previous is not None:
            os.environ[name] = previous


def _default_index(sounddevice: Any) -> int:
    chosen = sounddevice.default.device[1]
    return int(chosen if chosen >= 0 else sounddevice._lib.Pa_GetDefaultOutputDevice())
