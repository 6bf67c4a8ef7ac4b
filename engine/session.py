"""A session: the engine with its device, inputs, recorder and control, from start to orderly end.

Made on the main thread by `ripieno play` and `ripieno demo`. Two threads live in it: the pump, 100
times a second, takes what the callback reports to the recorder, the control and the listeners; the
tender, twice a second, notices a lost device or port, says so and brings it back. Meanwhile the
music goes on in silence, so that nothing is lost but the sound.
"""

from __future__ import annotations

import atexit
import dataclasses
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np

from engine import chosen_devices, operations, report
from engine.addresses import At, find, path_of
from engine.announcing import AT_ONCE, NOW_AND_THEN, Announcer
from engine.chosen_port import remember_port
from engine.continuation.manager import Continuation
from engine.control import Control
from engine.ensembles import Ensemble, EnsembleError, list_ensembles, load_ensemble, with_sound
from engine.errors import RipienoError
from engine.inputs import Inputs
from engine.learn import Learn
from engine.morph_pads import MorphPads
from engine.neural.sounds import chains_of, is_neural
from engine.outputs import Output
from engine.parameters import (
    CHORD_MODES,
    KEYSWITCH_MODES,
    LOW_CONFIDENCE,
    PAD_PARAMETERS,
    PART_HINTS,
    PART_PARAMETERS,
)
from engine.plugins.manager import Plugins
from engine.recordings import Recordings
from engine.repertoire import Repertoire, first_ensemble, last_state_file
from engine.rt.layout import FLOOR_MOVED
from engine.separators import Separator, Separators
from engine.settings import NO_INPUT, Settings
from engine.sync import HANDLED, Sync

PUMP_PERIOD_S = 0.01
TEND_PERIOD_S = 0.5
RELEASE_S = 0.2  # how long closing waits for the last notes to be let go
LONGEST_WINDOW_MS = 45.0
RECENT_SENTENCES = 20

log = logging.getLogger(__name__)


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

        self.settings = settings
        self.quit_wanted = threading.Event()
        self.control: Control | None = None
        self.said: deque[str] = deque(maxlen=RECENT_SENTENCES)
        self._say_to_player = say
        self._on_results = on_results
        self._lock = threading.RLock()  # of the ensemble, and of being closed
        self._pump_lock = threading.Lock()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._closed = False
        self.ensemble_source: str = str(first_ensemble(settings))
        self.own_ensemble: Ensemble = load_ensemble(self.ensemble_source)  # as its file has it
        self.ensemble = self.own_ensemble  # as it plays
        self.separators = Separators()
        self.model, separator = self.separators.get(self.ensemble.model)
        self.output = Output(settings, device)
        try:
            tap = settings.record or settings.rolling or on_audio is not None
            soundfont = settings.soundfont or self.ensemble.soundfont_path
            self.engine = Engine(self.device.rate_hz, soundfont=soundfont, tap=tap)
            self.inputs = Inputs(self.engine, self.say)
            self.recordings = Recordings(settings, self.engine, on_audio, self.say)
            self.plugins = Plugins(self.engine, self.say)
            self.pads = MorphPads(
                self.engine,
                lambda: self.ensemble,
                self.say,
                lambda: self.changed("morph"),
                self._lock,
            )
            self.continuation = Continuation(
                self.engine,
                self.say,
                lambda: self.section_moved("continuation"),
                self._plan_changed,
                self._attended,
            )
            self.sync = Sync(self.engine, lambda: self.output.device, self.say)
            self.learn = Learn(
                self.engine,
                lambda path, *values: operations.set_value(self, path, *values),
                lambda path: operations.value_of(self, path),
                self.say,
                lambda: self.changed("learn"),
            )
            self.repertoire = Repertoire(
                self,
                self.say,
                lambda: self.changed("rig"),
                last_state_file() if settings.remember else None,
            )
            self.announcer = Announcer(self)
            self.engine.use_separator(separator)
            self._apply(self.ensemble)
            self._apply_settings()
        except BaseException:
            self.device.close()
            raise

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- life ----------------------------------------------------------------------------

    def start(self) -> None:
        """Let sound out first, then everything else. RipienoError if something refuses. [main]"""
        from engine import realtime

        settings = self.settings
        atexit.register(self.close)
        try:
            for sentence in realtime.prepare():
                log.info("%s", sentence)
            self.output.start(self.engine)
            self.output.name_parts(self.ensemble)
            self.sync.begin(settings)
            self.repertoire.start(settings)
            if settings.sound is not None:
                self._apply(with_sound(self._as_it_is(), settings.sound))
            if is_neural(settings.sound):
                for slot, chain in chains_of(self.ensemble).items():
                    self.plugins.set_chain(slot, chain)
            self._apply_settings()
            self._open_inputs()
            if settings.osc_port is not None:
                self.control = Control(self, settings.osc_port, settings.osc_host)
            self.recordings.start(self.ensemble)
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
            self.repertoire.close,
            self._close_inputs,
            self.output.close,
            self.sync.close,
            self.plugins.close,
            self.continuation.close,
            self.pump,
            self.recordings.close,
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
        self.said.append(sentence)
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

    def pump(self) -> None:
        """Carry what the callback reported to recorder, listeners and remotes. [main]"""
        with self._pump_lock:
            results = self.engine.results()
            if len(results) and self._on_results:
                self._on_results(results)
            self.sync.feed(results)
            self.recordings.carry(results)
            self.pads.feed(results)
            if np.any(results["kind"] == FLOOR_MOVED):
                self.section_moved("continuation")
            for moved in self.learn.feed(results):
                self.repertoire.program_changed(moved.number)
            self.announcer.look(AT_ONCE)
            if self.control:
                listened = len(results) and self.control.subscribers("events")
                records = results.tolist() if listened else []
                events = (report.osc_event(r, self.engine.rate_hz) for r in records)
                self.control.publish([event for event in events if event is not None])

    def tend(self) -> None:
        """Bring back a lost device or port, and look after all that lasts. [main]"""
        sentences = self.output.tend()
        for sentence in sentences:
            self.say(sentence)
        if sentences:
            self.changed("device")
        self.inputs.tend()
        self.learn.tend()
        self.plugins.tend()
        self.continuation.tend()
        if self.control and self.control.subscribers("attention"):
            self.continuation.attend()
        self.sync.tend()
        self.announcer.look(NOW_AND_THEN)

    # ---- what is set and asked: by the control through `engine.operations`, by the terminal ----

    def set(self, name: str, value: float, part: int | None = None) -> None:
        """Set one parameter of the engine; ValueError names the legal range. [any]"""
        if part is None and name in HANDLED:
            self.sync.set(name, value)
        else:
            self.engine.set(name, value, part)
            self.continuation.noticed()
        self.repertoire.touched()
        if self.control and (path := path_of(name, part)):
            self.control.value_changed(path, [operations.parameter_value(find(path)[0], value)])

    def get(self, name: str, part: int | None = None) -> float:
        """The value in force. [any]"""
        return self.engine.get(name, part)

    def start_transport(self, count_in_bars: int = 0) -> None:
        """Roll from the present beat; with a count-in from beat 0, after so many bars. [any]"""
        self.sync.start(count_in_bars)
        if self.control:
            self.control.section_changed("transport")

    def section_moved(self, section: str) -> None:
        """Tell remotes that a section is new, of which nothing is remembered. [any]"""
        if self.control:
            self.control.section_changed(section)

    def _plan_changed(self, plan: dict[str, Any]) -> None:
        if self.control:
            self.control.plan_changed(plan)

    def _attended(self, attention: dict[str, Any]) -> None:
        if self.control:
            self.control.attended(attention)

    def changed(self, section: str) -> None:
        """Tell remotes that a section of the state is new, and remember it with the rig. [any]"""
        if section != "rig":
            self.repertoire.touched()
        if self.control:
            self.control.section_changed(section)

    def parameter_moved(self, at: At, value: float) -> None:
        """A plugin's parameter has a new value. [any]"""
        self.repertoire.touched()
        if self.control:
            slot = at.slot.replace(" ", "_")
            path = f"/ripieno/chain/{slot}/{at.plugin + 1}/parameter/{at.name}"
            self.control.value_changed(path, [("f", value)])

    def panic(self) -> None:
        """Silence everything, now. [any]"""
        self.engine.panic()
        self.say("Panic: every note is silenced.")

    def version(self) -> str:
        """The program's version. [any]"""
        from engine import version

        return version()

    @property
    def osc_port(self) -> int:
        """Where the control listens; 0 without one. [any]"""
        return self.control.port if self.control else 0

    def choose_osc_port(self, port: int) -> None:
        """Let remotes reach it at another port, next time too; RipienoError if taken. [any]"""
        if self.control is None:
            raise RipienoError("there is no remote control that could be moved")
        self.control.move(port)
        if self.settings.remember:
            remember_port(port)
        self.section_moved("about")

    def reset_statistics(self) -> None:
        """Count from zero. [any]"""
        self.engine.reset_stats()

    def state(self) -> dict[str, Any]:
        """All that can be set and all that is connected, ready for JSON. [any]"""
        return report.state(self)

    def state_section(self, section: str) -> dict[str, Any]:
        """One section of it. [any]"""
        return report.SECTIONS[section](self)

    def statistics(self) -> dict[str, Any]:
        """The engine's counts and measures, ready for JSON. [any]"""
        return report.statistics(self.engine)

    # ---- the ensemble --------------------------------------------------------------------

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
        self.use_ensemble(ensemble, ensemble, name)

    def use_ensemble(self, ensemble: Ensemble, own: Ensemble, source: str) -> None:
        """Play with `ensemble`, which differs from its `own` file's by what a rig says. [worker]"""
        model, separator = self.separators.get(ensemble.model)
        with self._lock:
            other = ensemble.model != self.ensemble.model
            self._apply(ensemble, separator if other else None)
            self.model = model
            self.own_ensemble, self.ensemble_source = own, source
            self.pads.forget()
        wanted = ensemble.soundfont_path
        if wanted not in (None, self.engine.soundfont):
            self.say(
                f"{ensemble.name} asks for the SoundFont {wanted}; until Ripieno is started with "
                f"it, it plays with {self.engine.soundfont}."
            )
        self.changed("ensemble")
        self.section_moved("morph")

    def edit_part(self, part: int, **changes: Any) -> None:
        """Change a part's instrument, range or destination; the mixer stays. [worker]"""
        with self._lock:
            present = self._as_it_is()
            parts = list(present.parts)
            try:
                parts[part] = dataclasses.replace(parts[part], **changes)
            except EnsembleError as error:
                raise EnsembleError(f"part {part + 1}: {error}") from error
            settings = [("chord_window_ms", None), ("chord_mode", None), ("assigner", None)]
            other = part if changes.keys() & {"sound", "morph"} else -1
            mixer = [
                (name, index)
                for name in PART_PARAMETERS
                for index in range(len(parts))
                if index != other or name not in PAD_PARAMETERS
            ]
            kept = {key: self.get(*key) for key in (*settings, *mixer)}
            self._apply(dataclasses.replace(present, parts=tuple(parts)), keep_pads=True)
            for (name, index), value in kept.items():
                if self.get(name, index) != value:
                    self.engine.set(name, value, index)
        self.changed("ensemble")
        self.section_moved("morph")

    def _as_it_is(self) -> Ensemble:
        """The ensemble with what was set of who gets which notes, so that nothing flickers."""
        parts = tuple(
            dataclasses.replace(part, **{name: int(self.get(name, index)) for name in PART_HINTS})
            for index, part in enumerate(self.ensemble.parts)
        )
        return dataclasses.replace(
            self.ensemble,
            parts=parts,
            keyswitch_mode=KEYSWITCH_MODES[int(self.get("keyswitch_mode"))],
            low_confidence=LOW_CONFIDENCE[int(self.get("low_confidence"))],
            confidence=self.get("confidence"),
        )

    def preload(self, ensembles: list[Ensemble]) -> None:
        """Have sounds and models of ensembles at hand, so that a switch finds them. [worker]"""
        self.separators.keep({self.ensemble.model, *(e.model for e in ensembles)})
        with self._lock:
            self.engine.preload(ensembles)

    def _apply(
        self, ensemble: Ensemble, separator: Separator | None = None, keep_pads: bool = False
    ) -> None:
        if self.settings.midi_only:
            parts = tuple(dataclasses.replace(part, sound="midi") for part in ensemble.parts)
            ensemble = dataclasses.replace(ensemble, parts=parts)
        with self._lock:
            before = self.engine.ensemble
            self.engine.apply(ensemble, separator=separator, keep_pads=keep_pads)
            self.ensemble = ensemble
            self.output.name_parts(ensemble)
        self.recordings.ensemble_changed(ensemble)
        if before is not None and before.id != ensemble.id:
            self.continuation.forget()
        else:
            self.continuation.noticed()

    def _apply_settings(self) -> None:
        settings = self.settings
        if settings.chord_window_ms is not None:
            self.engine.set("chord_window_ms", settings.chord_window_ms)
        if settings.continuation is not None:
            self.continuation.set("mode", settings.continuation)
        if settings.settle:
            self.engine.set("chord_mode", CHORD_MODES.index("settle"))
            if self.engine.get("chord_window_ms") == 0:
                self.engine.set("chord_window_ms", LONGEST_WINDOW_MS)  # it delays nothing

    # ---- device and inputs ---------------------------------------------------------------

    @property
    def device(self) -> Any:
        """The device that plays. [any]"""
        return self.output.device

    def choose_output(self, name: str, block_frames: int | None = None) -> None:
        """Play through another device; on RipienoError the old one plays on. [worker]"""
        had_midi = self.output.takes_midi
        self.output.choose(name, block_frames)
        if had_midi != self.output.takes_midi:
            self.inputs.close_keyboards()
            self._open_inputs()
        self.say(f"Playing through {self.device.description}.")
        self._remember(output=name, block_frames=block_frames or 0)
        self.changed("device")

    def choose_input(self, name: str) -> None:
        """Listen to the input whose name contains this; "" for all, "none" for none. [worker]"""
        wanted = name or None
        if not self.output.takes_midi:
            self.inputs.close_keyboards()
        self.output.listen(wanted)
        self._open_inputs()
        self._remember(input_port=name)
        self.changed("device")

    def _remember(self, **chosen: Any) -> None:
        if self.settings.remember:
            chosen_devices.remember(**chosen)

    @property
    def input_wanted(self) -> str:
        """The input that was asked for, "" for all. [any]"""
        return self.output.input_wanted or ""

    def open_midi_out(self, wanted: str) -> None:
        """Send MIDI to "channels", "ports" or the output whose name contains this. [worker]"""
        self.sync.open_midi_out(wanted)
        self.changed("transport")

    def input_names(self) -> list[str]:
        """Where notes can come from now. [any]"""
        own = self.device.midi_source_names if self.output.takes_midi else []
        return own + self.inputs.names

    def missing_input(self) -> str:
        """What to say where no input is connected. [any]"""
        wanted = self.output.input_wanted
        if wanted == NO_INPUT:
            return "no MIDI input, as asked"
        if not self.output.takes_midi and not self.inputs.watching:
            return "no MIDI input"
        waiting = f"{wanted!r} as soon as it is there" if wanted else "any that is plugged in"
        return f"no MIDI input yet; {waiting} will be used"

    def play_file(self, path: str) -> None:
        """Play a score as if at the keyboard; "" is the demo's. [worker]"""
        from engine.interchange.scores import read_score

        self.inputs.play_file(read_score(operations.file_or_demo(path)))

    def _open_inputs(self) -> None:
        if not self.output.takes_midi and self.output.input_wanted != NO_INPUT:
            self.inputs.open_keyboards(self.output.input_wanted)

    def _close_inputs(self) -> None:
        self.inputs.close()
        end_s = time.monotonic() + RELEASE_S
        while self.engine.stats().held_notes and time.monotonic() < end_s:
            time.sleep(0.005)

    # ---- takes ---------------------------------------------------------------------------

    @property
    def takes_folder(self) -> Path:
        """Where takes are recorded. [any]"""
        return self.recordings.folder

    def recorder_state(self) -> dict[str, Any]:
        """What is being recorded, ready for JSON. [any]"""
        return self.recordings.state()

    def keep(self, seconds: float | None = None) -> Path:
        """Make a take of what was just played, ten minutes at most: its folder. [any]"""
        return self.recordings.keep(seconds)

    def export(self, take: str, form: str, folder: Path | None = None) -> Path:
        """Write a take for another program; may take seconds. [worker]"""
        return self.recordings.export(take, form, folder)

    def _close_control(self) -> None:
        if self.control:
            self.control.close()
