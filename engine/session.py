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
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine import report
from engine.control import Control
from engine.devices import open_device
from engine.ensembles import Ensemble, list_ensembles, load_ensemble
from engine.errors import RipienoError
from engine.inputs import Inputs
from engine.parameters import CHORD_MODES
from engine.paths import takes_folder
from engine.silence import SilentDevice
from engine.takes import TransportPoint

if TYPE_CHECKING:
    from engine.recorder import Recorder

PUMP_PERIOD_S = 0.01
TEND_PERIOD_S = 0.5
RELEASE_S = 0.2  # how long closing waits for the last notes to be let go
LONGEST_WINDOW_MS = 45.0
NO_INPUT, NO_SUCH_SOURCE = "none", "(no input)"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """What a session is started with. None means: whatever is usual there."""

    ensemble: str | Path = "string_quartet"
    output: str = "auto"  # or jack, none, a sound card's name
    input_port: str | None = None  # None: every keyboard; "none": no input
    rate_hz: int | None = None
    block_frames: int | None = None
    output_channels: int | None = None  # of a sound card: 2, more for stems, 0 for all it has
    chord_window_ms: float | None = None
    settle: bool = False  # sound at once and move when the chord is complete
    soundfont: Path | None = None
    osc_port: int | None = None  # None: no remote control
    record: bool = False
    rolling: bool = False  # without recording, have the last minutes at hand for `keep`
    takes_folder: Path | None = None

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("rate in Hz", self.rate_hz, 8000, 192000),
            ("block in frames", self.block_frames, 16, 8192),
            ("chord window in ms", self.chord_window_ms, 0, 45),
        ):
            if value is not None and not low <= value <= high:
                raise RipienoError(f"{name}: {value:g} is outside {low} .. {high}")


class Session:
    """Everything that runs while somebody plays. Use it as a context manager. [main]

    `on_results` and `on_audio` get what the pump carries; `device` is one already open.
    """

    def __init__(
        self,
        settings: Settings,
        say: Callable[[str], None] = log.info,
        on_results: Callable[[np.ndarray], None] | None = None,
        on_audio: Callable[[np.ndarray], None] | None = None,
        device: Any = None,
    ) -> None:
        from engine.core import Engine
        from models import registry

        self.settings = settings
        self.quit_wanted = threading.Event()
        self.control: Control | None = None
        self.recorder: Recorder | None = None
        self.takes_folder = settings.takes_folder or takes_folder()
        self._say_to_player = say
        self._on_results = on_results
        self._on_audio = on_audio
        self._lock = threading.RLock()  # of what changes: device, ensemble, being closed
        self._pump_lock = threading.Lock()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._closed = False
        self._audio_frame = 0
        self._lost_frames = 0
        self._silence: SilentDevice | None = None
        self.ensemble: Ensemble = load_ensemble(settings.ensemble)
        self.model = registry.find(self.ensemble.model)
        self.device: Any = device or open_device(
            settings.output, settings.rate_hz, settings.block_frames, settings.output_channels
        )
        self._jack = type(self.device).__name__ == "JackDevice"  # it takes MIDI by itself
        try:
            tap = settings.record or settings.rolling or on_audio is not None
            soundfont = settings.soundfont or self.ensemble.soundfont_path
            self.engine = Engine(self.device.rate_hz, soundfont=soundfont, tap=tap)
            self.inputs = Inputs(self.engine, self.say)
            self.engine.load_separator(registry.load(self.model), self.model.middle_pitches)
            self._apply(self.ensemble)
            if settings.chord_window_ms is not None:
                self.engine.set("chord_window_ms", settings.chord_window_ms)
            if settings.settle:
                self.engine.set("chord_mode", CHORD_MODES.index("settle"))
                if self.engine.get("chord_window_ms") == 0:
                    self.engine.set("chord_window_ms", LONGEST_WINDOW_MS)  # it delays nothing
        except BaseException:
            self.device.close()
            raise

    def __enter__(self) -> Session:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- life ----------------------------------------------------------------------------

    def start(self) -> None:
        """Let sound out first, then everything else. RipienoError if something refuses. [main]"""
        from engine import realtime

        atexit.register(self.close)
        try:
            for sentence in realtime.prepare():
                log.info("%s", sentence)
            self._start_device()
            if not self._jack and self.settings.input_port != NO_INPUT:
                self.inputs.open_keyboards(self.settings.input_port)
            if self.settings.osc_port is not None:
                self.control = Control(self, self.settings.osc_port)
            if self.settings.record or self.settings.rolling:
                self._start_recorder()
        except BaseException:
            self.close()
            raise
        steps = (("pump", self.pump, PUMP_PERIOD_S), ("tender", self.tend, TEND_PERIOD_S))
        for name, step, period_s in steps:
            thread = threading.Thread(
                target=self._repeat, args=(step, period_s), name=name, daemon=True
            )
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        """End the music, then the recording, then the ports. Idempotent. [main]"""
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
                    self.say(f"Internal fault in the {step.__name__}: {error}")
                failing = True

    # ---- the pump ------------------------------------------------------------------------

    def pump(self) -> None:
        """Carry what the callback reported to recorder, listeners and remotes. [main]"""
        with self._pump_lock:
            results = self.engine.results()
            if len(results) and self._on_results:
                self._on_results(results)
            if self.recorder is not None or self._on_audio is not None:
                self._carry_audio(results)
            if self.control:
                listened = len(results) and self.control.subscribers("events")
                records = results.tolist() if listened else []
                events = (report.osc_event(r, self.engine.rate_hz) for r in records)
                self.control.publish([event for event in events if event is not None])

    def _carry_audio(self, results: np.ndarray) -> None:
        audio = self.engine.tap()
        if self.recorder is not None:
            self.recorder.events(results)
            self.recorder.audio(audio, self._audio_frame)
        if self._on_audio:
            self._on_audio(audio)
        self._audio_frame += len(audio)
        lost_frames = self.engine.stats().underruns
        if lost_frames > self._lost_frames:  # the ring was full: they are missing after this
            self._audio_frame += lost_frames - self._lost_frames
        self._lost_frames = lost_frames

    # ---- what the control and the terminal ask; see engine.control.Target -----------------

    def version(self) -> str:
        """The program's version. [any]"""
        from engine import version

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
        wanted = ensemble.soundfont_path
        if wanted not in (None, self.engine.soundfont):
            self.say(
                f"{ensemble.name} asks for the SoundFont {wanted}; until Ripieno is started with "
                f"it, it plays with {self.engine.soundfont}."
            )
        self._changed()

    def _apply(self, ensemble: Ensemble) -> None:
        with self._lock:
            self.engine.apply(ensemble)
            self.ensemble = ensemble
            self.device.name_parts([part.name for part in ensemble.parts])
        if self.recorder is not None:
            self.recorder.ensemble_changed(ensemble, self.engine.frame)

    def set(self, name: str, value: float, part: int | None = None) -> None:
        """Set one parameter of the engine; ValueError names the legal range. [any]"""
        self.engine.set(name, value, part)
        if name == "tempo_bpm" and self.recorder is not None:
            self.recorder.transport_changed(TransportPoint(self.engine.frame, value))
        self._changed()

    def get(self, name: str, part: int | None = None) -> float:
        """The value in force. [any]"""
        return self.engine.get(name, part)

    def panic(self) -> None:
        """Silence everything, now. [any]"""
        self.engine.panic()
        self.say("Panic: every note is silenced.")

    @property
    def osc_port(self) -> int:
        """Where the control listens; 0 without one. [any]"""
        return self.control.port if self.control else 0

    def reset_statistics(self) -> None:
        """Count from zero. [any]"""
        self.engine.reset_stats()

    def state(self) -> dict[str, Any]:
        """All that can be set and all that is connected, ready for JSON. [any]"""
        return report.state(self)

    def statistics(self) -> dict[str, Any]:
        """The engine's counts and measures, ready for JSON. [any]"""
        return report.statistics(self.engine)

    def recorder_state(self) -> dict[str, Any]:
        """What is being recorded; `folder` is the newest take's, "" before the first. [any]"""
        recorder, on = self.recorder, self.settings.record
        if recorder is None:
            return {"on": False, "recording": False, "folder": "", "seconds": 0.0, "kept": ""}
        return {
            "on": on,
            "recording": on and recorder.recording,
            "folder": str(recorder.take_folder or "") if on else "",
            "seconds": round(recorder.take_seconds, 2) if on else 0.0,
            "kept": str(recorder.kept_folder or ""),
        }

    def keep(self, seconds: float | None = None) -> Path:
        """Make a take of what was just played: its folder, which fills by and by. [any]

        `seconds` back from now, ten minutes at most and for None.
        """
        if self.recorder is None:
            raise RipienoError("Nothing can be kept: this session does not listen to itself")
        return self.recorder.keep() if seconds is None else self.recorder.keep(seconds)

    def export(self, take: str, form: str, folder: Path | None = None) -> Path:
        """Write a take for another program, see `engine.interchange`; may take seconds. [worker]"""
        from engine.interchange.export import export_take, find_take

        return export_take(find_take(take, self.takes_folder), [form], folder)

    def _changed(self) -> None:
        if self.control:
            self.control.publish_state()

    # ---- device --------------------------------------------------------------------------

    def _start_device(self) -> None:
        with self._lock:
            if self._jack:
                unheard = self.settings.input_port == NO_INPUT
                source = NO_SUCH_SOURCE if unheard else self.settings.input_port
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
        if sentences:
            self._changed()
        self.inputs.tend()

    def _close_device(self) -> None:
        with self._lock:
            if self._silence is not None:
                self._silence.close()
            self.device.close()

    # ---- inputs --------------------------------------------------------------------------

    def input_names(self) -> list[str]:
        """Where notes can come from now. [any]"""
        return (self.device.midi_source_names if self._jack else []) + self.inputs.names

    def missing_input(self) -> str:
        """What to say where no input is connected. [any]"""
        wanted = self.settings.input_port
        if wanted == NO_INPUT:
            return "no MIDI input, as asked"
        if not self._jack and not self.inputs.watching:
            return "no MIDI input"
        waiting = f"{wanted!r} as soon as it is there" if wanted else "any that is plugged in"
        return f"no MIDI input yet; {waiting} will be used"

    def _close_inputs(self) -> None:
        self.inputs.close()
        end_s = time.monotonic() + RELEASE_S
        while self.engine.stats().held_notes and time.monotonic() < end_s:
            time.sleep(0.005)

    # ---- recorder and control ------------------------------------------------------------

    def _start_recorder(self) -> None:
        from engine.keeping import new_rolling_folder
        from engine.recorder import Recorder
        from engine.takes import recover_takes

        recover_takes(self.takes_folder, self.say)
        rolling = not self.settings.record
        self.recorder = Recorder(
            new_rolling_folder() if rolling else self.takes_folder,
            self.ensemble,
            self.engine.rate_hz,
            tempo_bpm=self.engine.get("tempo_bpm"),
            on_message=self.say,
            keep_folder=self.takes_folder if rolling else None,
        )

    def _close_recorder(self) -> None:
        if self.recorder is not None:
            self.recorder.close()

    def _close_control(self) -> None:
        if self.control:
            self.control.close()
