"""A session: the engine with its device, inputs, recorder and control, from start to orderly end.

Made on the main thread by `ripieno play` and `ripieno demo`. Two threads live in it: the pump, 100
times a second, takes what the callback reports to the recorder, the control and the listeners; the
tender, twice a second, notices a lost device or port, says so and brings it back. Meanwhile the
music goes on in silence, so that nothing is lost but the sound.
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.addresses import PROTOCOL
from engine.control import Control, Event
from engine.ensembles import Ensemble, list_ensembles, load_ensemble
from engine.errors import RipienoError
from engine.inputs import COMPUTER_SOURCE, FILE_SOURCE
from engine.notes import HOW, MOVED, NOTE_OFF, NOTE_ON
from engine.silence import SilentDevice

if TYPE_CHECKING:
    from engine.inputs import Inputs
    from engine.midi.outlet import Outlet
    from engine.midi.performance import Performance
    from engine.midi.player import Player

PUMP_PERIOD_S = 0.01
TEND_PERIOD_S = 0.5
PANIC_RESULT = 5
DEFAULT_BLOCK_FRAMES = 128
NO_INPUT, NO_SUCH_SOURCE = "none", "(no input)"
PART_SETTINGS = ("gain_db", "pan", "mute", "solo", "reverb_send", "chorus_send")
GLOBAL_SETTINGS = ("chord_window_ms", "master_gain_db", "tempo_bpm", "panic_cc")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """What a session is started with. None means: whatever is usual there."""

    ensemble: str | Path = "string_quartet"
    output: str = "auto"
    input_port: str | None = None
    keyboards: bool = True
    rate_hz: int | None = None
    block_frames: int | None = None
    chord_window_ms: float | None = None
    soundfont: Path | None = None
    osc_port: int | None = None
    record: bool = False
    takes_folder: Path | None = None
    tap: bool = False

    def __post_init__(self) -> None:
        if self.rate_hz is not None and not 8000 <= self.rate_hz <= 192000:
            raise RipienoError(f"rate {self.rate_hz} Hz is outside 8000 .. 192000")
        if self.block_frames is not None and not 16 <= self.block_frames <= 8192:
            raise RipienoError(f"block {self.block_frames} frames is outside 16 .. 8192")
        if self.chord_window_ms is not None and not 0 <= self.chord_window_ms <= 45:
            raise RipienoError(f"chord window {self.chord_window_ms:g} ms is outside 0 .. 45")


class Session:
    """Everything that runs while somebody plays. Use it as a context manager. [main]"""

    def __init__(
        self,
        settings: Settings,
        say: Callable[[str], None] | None = None,
        on_results: Callable[[np.ndarray], None] | None = None,
        on_audio: Callable[[np.ndarray], None] | None = None,
        device: Any = None,
    ) -> None:
        self.settings = settings
        self.quit_wanted = threading.Event()
        self._say_to_player = say or log.info
        self._on_results = on_results
        self._on_audio = on_audio
        self._lock = threading.RLock()
        self._pump_lock = threading.Lock()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._closed = False
        self._recorder: Any = None
        self._inputs: Inputs | None = None
        self._player: Player | None = None
        self._computer: Outlet | None = None
        self.control: Control | None = None
        self._silence: SilentDevice | None = None
        self.ensemble: Ensemble = load_ensemble(settings.ensemble)
        self.device: Any = device or open_device(settings)
        self._jack = type(self.device).__name__ == "JackDevice"  # it takes MIDI by itself
        try:
            self._build()
        except BaseException:
            self.device.close()
            raise

    def _build(self) -> None:
        from engine.core import Engine
        from models import registry

        settings = self.settings
        self.engine = Engine(
            self.device.rate_hz,
            soundfont=settings.soundfont,
            tap=settings.record or settings.tap,
        )
        self.model = registry.find(self.ensemble.model)
        self.engine.load_separator(registry.load(self.model))
        self._apply(self.ensemble)
        if settings.chord_window_ms is not None:
            self.engine.set("chord_window_ms", settings.chord_window_ms)

    def __enter__(self) -> Session:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- life ----------------------------------------------------------------------------

    def start(self) -> None:
        """Let sound out, then everything that may come after it. [main]"""
        from engine import realtime

        atexit.register(self.close)
        try:
            for sentence in realtime.prepare():
                log.info("%s", sentence)
            self._start_device()
            self._start_inputs()
            if self.settings.record:
                self._start_recorder()
            if self.settings.osc_port is not None:
                self.control = Control(self, self.settings.osc_port)
        except BaseException:
            self.close()
            raise
        for name, step, period_s in (
            ("pump", self.pump, PUMP_PERIOD_S),
            ("tender", self.tend, TEND_PERIOD_S),
        ):
            thread = threading.Thread(
                target=self._repeat, args=(step, period_s), name=name, daemon=True
            )
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        """End the music, the recording and the ports, in this order. Idempotent. [main]"""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        atexit.unregister(self.close)
        self._stop.set()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(5.0)
        for step in (
            self._close_inputs,
            self._close_device,
            self.pump,
            self._close_recorder,
            self._close_control,
            self.engine.close,
        ):
            try:
                step()
            except Exception:  # the rest must be closed all the same
                log.exception("closing: %s failed", step.__name__)

    def quit(self) -> None:
        """Ask whoever runs the session to close it. [any]"""
        self.quit_wanted.set()

    def say(self, sentence: str) -> None:
        """Tell the player and every remote one sentence. [any]"""
        self._say_to_player(sentence)
        if self.control:
            self.control.say(sentence)

    def _repeat(self, step: Callable[[], None], period_s: float) -> None:
        failing = False
        while not self._stop.wait(period_s):
            try:
                step()
                failing = False
            except Exception as error:
                if not failing:  # once, not a hundred times a second
                    log.exception("%s failed", step.__name__)
                    self.say(f"{step.__name__} failed: {error}")
                failing = True

    # ---- the pump ------------------------------------------------------------------------

    def pump(self) -> None:
        """Carry what the callback reported to recorder, listeners and remotes. [main]"""
        with self._pump_lock:
            results = self.engine.results()
            if len(results) and self._on_results:
                self._on_results(results)
            if self._recorder is not None or self._on_audio is not None:
                self._carry_audio(results)
            if self.control:
                self.control.publish(self._events(results))

    def _events(self, results: np.ndarray) -> list[Event]:
        if not len(results) or not self.control or not self.control.subscribers("events"):
            return []
        rate_hz = self.engine.rate_hz
        return [event for r in results.tolist() if (event := osc_event(r, rate_hz)) is not None]

    def introduction(self) -> list[str]:
        """What a player wants to know at the start, in sentences. [main]"""
        parts = ", ".join(part.name for part in self.ensemble.parts)
        sentences = [
            f"{self.ensemble.name} ({parts}) through {self.device.description}.",
            f"Listening to {', '.join(self.input_names()) or 'no MIDI input'}.",
        ]
        if self.control:
            sentences.append(f"Remote control: OSC on 127.0.0.1, port {self.control.port}.")
        recorder = self.recorder_state()
        if recorder["recording"]:
            sentences.append(f"Recording into {recorder['folder']}.")
        return sentences

    def summary(self) -> list[str]:
        """What there is to say at the end, in sentences. [main]"""
        stats = self.engine.stats()
        notes = stats.notes_network + stats.notes_rule
        delay_ms = stats.delay_ms
        sentences = [
            f"{notes} notes, delay {delay_ms['p50']:.1f}/{delay_ms['p99']:.1f} ms (median/99 %), "
            f"{stats.xruns} xruns, {stats.dropped_events} events dropped."
        ]
        recorder = self.recorder_state()
        if recorder["folder"]:
            sentences.append(f"Recorded in {recorder['folder']}.")
        return sentences

    # ---- what the control, the terminal and tests ask ------------------------------------

    def version(self) -> str:
        """The program's version. [any]"""
        from engine.cli import version

        return version()

    def ensemble_ids(self) -> list[str]:
        """Names `set_ensemble` takes. [main]"""
        return [ensemble.id for ensemble in list_ensembles()]

    def ensemble_id(self) -> str:
        """The ensemble that plays. [any]"""
        return self.ensemble.id

    def part_count(self) -> int:
        """How many parts it has. [any]"""
        return len(self.ensemble.parts)

    def set_ensemble(self, name: str) -> None:
        """Play with another ensemble from now on; sounding notes ring out. [main]"""
        ensemble = load_ensemble(name)
        if ensemble.model != self.ensemble.model:
            raise RipienoError(
                f"{ensemble.name} needs the model {ensemble.model!r}, this session runs "
                f"{self.ensemble.model!r}: start again with --ensemble {ensemble.id}"
            )
        self._apply(ensemble)
        self._changed()

    def _apply(self, ensemble: Ensemble) -> None:
        with self._lock:
            self.engine.apply(ensemble)
            self.ensemble = ensemble
            self.device.name_parts([part.name for part in ensemble.parts])
        if self._recorder is not None:
            self._recorder.ensemble_changed(ensemble, self.engine.now_frame())

    def set(self, name: str, value: float, part: int | None = None) -> None:
        """Set one parameter of the engine; ValueError names the legal range. [any]"""
        self.engine.set(name, value, part)
        self._changed()

    def get(self, name: str, part: int | None = None) -> float:
        """The value in force. [any]"""
        return self.engine.get(name, part)

    def panic(self) -> None:
        """Silence everything, now. [any]"""
        self.engine.panic()
        self.say("Panic: every note is silenced.")

    def reset_statistics(self) -> None:
        """Count from zero. [any]"""
        self.engine.reset_stats()

    def _changed(self) -> None:
        if self.control:
            self.control.publish_state()

    def state(self) -> dict[str, Any]:
        """All that can be set and all that is connected, ready for JSON. [any]"""
        from engine.control import CHOICES

        with self._lock:
            ensemble, device = self.ensemble, self.device
        get = self.engine.get
        return {
            "version": self.version(),
            "protocol": PROTOCOL,
            "ensemble": ensemble.id,
            "ensemble_name": ensemble.name,
            "parts": [
                {
                    "name": part.name,
                    "program": part.program,
                    "low": part.low,
                    "high": part.high,
                    "voices": list(part.voices),
                    "midi_channel": part.midi_channel,
                    "polyphony": part.polyphony,
                    **{name: get(name, index) for name in PART_SETTINGS},
                }
                for index, part in enumerate(ensemble.parts)
            ],
            **{name: get(name) for name in GLOBAL_SETTINGS},
            **{name: choices[int(get(name))] for name, choices in CHOICES.items()},
            "device": {
                "description": device.description,
                "alive": bool(device.alive),
                "rate_hz": int(device.rate_hz),
                "block_frames": int(device.block_frames),
                "latency_ms": round(1000.0 * device.latency_frames / device.rate_hz, 2),
            },
            "inputs": self.input_names(),
            "recorder": self.recorder_state(),
            "osc_port": self.control.port if self.control else 0,
        }

    def statistics(self) -> dict[str, Any]:
        """The engine's counts and measures, ready for JSON. [any]"""
        from dataclasses import asdict

        def plain(value: Any) -> Any:
            if isinstance(value, np.ndarray):
                return [round(float(v), 5) for v in value]
            if isinstance(value, dict):
                return {key: plain(v) for key, v in value.items()}
            return round(float(value), 4) if isinstance(value, (float, np.floating)) else int(value)

        return {key: plain(value) for key, value in asdict(self.engine.stats()).items()}

    # ---- device --------------------------------------------------------------------------

    def _start_device(self) -> None:
        with self._lock:
            if self._jack:
                source = self.settings.input_port
                if source == NO_INPUT or not self.settings.keyboards:
                    source = NO_SUCH_SOURCE
                self.device.start(self.engine, midi_source=source)
            else:
                self.device.start(self.engine)
            self.device.name_parts([part.name for part in self.ensemble.parts])

    def tend(self) -> None:
        """Bring back a lost device or port; play on in silence meanwhile. [main]"""
        with self._lock:
            if self._closed:
                return
            if not self.device.alive and self._silence is not None:
                self._silence.close()  # the device may take the engine back: only one may run it
                self._silence = None
            sentences = self.device.tend()
            if not self.device.alive and self._silence is None:
                self._silence = SilentDevice(self.engine.rate_hz)
                self._silence.start(self.engine)
        for sentence in sentences:
            self.say(sentence)
        if self._inputs is not None:
            self._inputs.tend()

    # ---- inputs --------------------------------------------------------------------------

    def _start_inputs(self) -> None:
        from engine.inputs import Inputs

        wanted = self.settings.input_port
        if not self._jack and self.settings.keyboards and wanted != NO_INPUT:
            self._inputs = Inputs(self.engine, wanted, self.say)

    def input_names(self) -> list[str]:
        """Where notes can come from now. [any]"""
        names = ["JACK MIDI"] if self._jack else []
        return names + (self._inputs.names if self._inputs else [])

    def play_file(self, performance: Performance, start_frame: int | None = None) -> Player:
        """Play a performance in real time, as if at a keyboard. [main]"""
        from engine.midi.performance import merged_to_keyboard
        from engine.midi.player import Player

        if self._player is not None:
            self._player.stop()
        keyboard = merged_to_keyboard(performance)
        self._player = Player(self.engine, keyboard, source=FILE_SOURCE)
        self._player.start(start_frame)
        return self._player

    def play_key(self, message: bytes) -> bool:
        """A message of the computer's keyboard; False if it found no room. [any]"""
        from engine.midi.outlet import Outlet

        if self._computer is None:
            self._computer = Outlet(self.engine, COMPUTER_SOURCE)
        return self._computer.send(message)

    def _close_inputs(self) -> None:
        if self._player is not None:
            self._player.stop()
        if self._computer is not None:
            self._computer.release()
        if self._inputs is not None:
            self._inputs.close()

    def _close_device(self) -> None:
        with self._lock:
            if self._silence is not None:
                self._silence.close()
            self.device.close()

    # ---- recorder ------------------------------------------------------------------------

    def _start_recorder(self) -> None:
        raise NotImplementedError

    def recorder_state(self) -> dict[str, Any]:
        return {"recording": False, "folder": "", "seconds": 0.0}

    def _close_recorder(self) -> None:
        pass

    def _carry_audio(self, results) -> None:
        audio = self.engine.tap()
        if self._on_audio:
            self._on_audio(audio)

    def _close_control(self) -> None:
        if self.control:
            self.control.close()


def open_device(settings: Settings) -> Any:
    """The device `settings.output` names: auto, none, jack, or a sound card. [main]"""
    rate_hz, block_frames = settings.rate_hz, settings.block_frames or DEFAULT_BLOCK_FRAMES
    if settings.output == "none":
        return SilentDevice(rate_hz or 48000, block_frames)
    if settings.output in ("auto", "jack"):
        from engine.jack import JackDevice

        try:
            device = JackDevice()
        except RipienoError:
            if settings.output == "jack":
                raise
        else:
            _note_server_settings(device, settings)
            return device
    from engine.portaudio import PortAudioDevice

    name = None if settings.output == "auto" else settings.output
    try:
        return PortAudioDevice(name, rate_hz, block_frames)
    except RipienoError as error:
        if settings.output != "auto":
            raise
        raise RipienoError(
            f"there is nothing to play through: no JACK server runs, and {error} "
            "(without sound: --out none)"
        ) from error


def _note_server_settings(device: Any, settings: Settings) -> None:
    for what, wanted, has in (
        ("rate", settings.rate_hz, device.rate_hz),
        ("block", settings.block_frames, device.block_frames),
    ):
        if wanted is not None and wanted != has:
            log.warning("JACK's server decides the %s: %d, not %d", what, has, wanted)


def osc_event(record: tuple, rate_hz: int) -> Event | None:
    """A result record as the OSC message of `engine.addresses.SENT`, if it is one. [any]"""
    frame, note, delay_frames, confidence, part, kind, a, b, c = record[:9]
    at = ("h", frame)
    if kind == NOTE_ON:
        values = (("i", note), ("i", part + 1), ("i", a), ("i", b), ("f", confidence))
        how = ("s", HOW[min(c, 3)])
        delay = ("f", 1000.0 * delay_frames / rate_hz)
        return Event("/ripieno/note_on", (*values, how, delay, at))
    if kind == NOTE_OFF:
        return Event("/ripieno/note_off", (("i", note), ("i", part + 1), ("i", a), ("i", b), at))
    if kind == MOVED:
        values = (("i", note), ("i", part + 1), ("i", c + 1), ("i", a), at)
        return Event("/ripieno/note_moved", values)
    return Event("/ripieno/panicked", (at,)) if kind == PANIC_RESULT else None
