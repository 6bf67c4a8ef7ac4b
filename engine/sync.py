"""Who leads the transport, and everything a player does with it: source, tempo, tap, start, stop.

The model itself is in the callback (engine.rt.transport); here are the ways to it that need more
than a parameter: JACK's own transport and timebase, Link, taps, a count-in, the MIDI outputs. Made
by the session, asked by the control, tended twice a second. [main]
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from engine.errors import RipienoError
from engine.parameters import CLICKS, MIDI_OUT_MODES, SYNC_SOURCES
from engine.settings import Settings
from engine.transport import Transport

INTERNAL, JACK, MIDI_CLOCK, LINK, PLAYING = SYNC_SOURCES
HANDLED = ("sync_source", "rolling", "tempo_bpm", "jack_master", "midi_out_mode")
LONGEST_TAP_S, TAPS_KEPT = 2.5, 8
PATIENCE_S = 2.0  # until a source that was chosen and is not there is missed
LOWEST_BPM, HIGHEST_BPM = 20.0, 400.0
LEADERS = {
    MIDI_CLOCK: "The MIDI clock",
    JACK: "JACK's timebase master",
    PLAYING: "Your playing",
}


class Sync:
    """The transport of one session; `device` gives the one it plays through now."""

    def __init__(
        self, engine: Any, device: Callable[[], Any], say: Callable[[str], None] = lambda _: None
    ) -> None:
        self._engine = engine
        self._device = device
        self._say = say
        self._lock = threading.RLock()
        self._source = INTERNAL
        self._link: Any = None
        self._follower: Any = None
        self._outputs: Any = None
        self._master_of: Any = None  # the device that is JACK's timebase master
        self._taps: list[float] = []
        self._locked = True
        self._chosen_s = 0.0  # when the source was chosen, while it has not been seen; else 0

    def begin(self, settings: Settings) -> None:
        """Open and choose what a session was started with. RipienoError says why not. [main]"""
        if settings.midi_out is not None:
            self.open_midi_out(settings.midi_out)
        self._engine.set("clock_out", int(settings.clock_out))
        if settings.jack_master:
            self.set("jack_master", 1)
        if settings.sync_source != INTERNAL:
            self.set_source(settings.sync_source)

    # ---- what a player does -----------------------------------------------------------------

    def set_source(self, name: str) -> None:
        """Let `name` lead; the beat goes on. RipienoError, and nothing changed, if it cannot."""
        if name not in SYNC_SOURCES:
            raise RipienoError(f"the source must be one of {', '.join(SYNC_SOURCES)}, got {name!r}")
        with self._lock:
            if name == self._source:
                return
            if name == JACK and not self._on_jack:
                raise RipienoError("JACK's transport needs JACK: play with --out jack")
            link = self._new_link() if name == LINK else None
            self._leave_source()
            self._source, self._link = name, link
            self._chosen_s = time.monotonic() if name in (MIDI_CLOCK, JACK) else 0.0
            self._locked = False
            self._engine.set("sync_source", SYNC_SOURCES.index(name))
            if name == PLAYING:
                self._follower = self._new_follower()
                self._follower.start()

    def set(self, name: str, value: float) -> None:
        """Set one of HANDLED; ValueError names the legal range. [any]"""
        with self._lock:
            if name == "sync_source" and value in range(len(SYNC_SOURCES)):
                self.set_source(SYNC_SOURCES[int(value)])
            elif name == "rolling" and value in (0, 1):
                if value:
                    self.start()
                else:
                    self.stop()
            elif name == "jack_master" and value in (0, 1):
                self._set_master(bool(value))
            elif name == "midi_out_mode" and value in range(len(MIDI_OUT_MODES)):
                self._set_midi_out_mode(int(value))
            else:
                self._engine.set(name, value)
                if name == "tempo_bpm" and self._link is not None:
                    self._link.set_tempo(value)
                elif name == "tempo_bpm" and self._follower is not None:
                    self._follower.set_tempo(value)

    def tap(self, at_s: float | None = None) -> float | None:
        """The player taps a beat; from the second tap on the tempo follows, which is returned."""
        at_s = time.monotonic() if at_s is None else at_s
        with self._lock:
            if self._taps and not 0.0 < at_s - self._taps[-1] < LONGEST_TAP_S:
                self._taps = []
            self._taps = [*self._taps[-TAPS_KEPT + 1 :], at_s]
            if len(self._taps) < 2:
                return None
            period_s = float(np.polyfit(range(len(self._taps)), self._taps, 1)[0])
            tempo_bpm = min(max(60.0 / period_s, LOWEST_BPM), HIGHEST_BPM)
            self.set("tempo_bpm", tempo_bpm)
            return tempo_bpm

    def start(self, count_in_bars: int = 0) -> None:
        """Roll from the present beat; with a count-in from beat 0, after so many bars of clicks."""
        if not 0 <= count_in_bars <= 8:
            raise RipienoError(f"a count-in must be 0 to 8 bars, got {count_in_bars}")
        with self._lock:
            if count_in_bars:
                self._count_in(count_in_bars)
            if self._jack_rolls:
                self._device().roll_transport(True)
            elif self._link is not None:
                self._link.roll(True)
            else:
                self._engine.set("rolling", 1)

    def stop(self) -> None:
        """Stand still at the present beat."""
        with self._lock:
            if self._jack_rolls:
                self._device().roll_transport(False)
            elif self._link is not None:
                self._link.roll(False)
            else:
                if self._follower is not None:
                    self._follower.stopped()
                self._engine.set("rolling", 0)

    def locate(self, beat: float) -> None:
        """Go to a beat, in quarter notes from the beginning. ValueError names the range."""
        with self._lock:
            if self._jack_rolls and beat >= 0:
                transport = self._engine.transport()
                frame = beat * 60.0 * transport.rate_hz / transport.tempo_bpm
                self._device().locate_transport(round(frame))
            elif self._link is not None:
                self._link.locate(beat)
                if not self._engine.transport().rolling:
                    self._engine.locate(beat)
            else:
                self._engine.locate(beat)

    def open_midi_out(self, wanted: str) -> None:
        """Send MIDI out: "channels", "ports", or by the port whose name contains `wanted`."""
        with self._lock:
            if self._on_jack:
                self._set_midi_out_mode(int(wanted == "ports"))
                if wanted not in MIDI_OUT_MODES:
                    self._device().connect_midi_out(wanted)
                return
            from engine.midi_outputs import MidiOutputs

            if self._outputs is not None:
                self._outputs.close()
            self._outputs = None
            self._outputs = MidiOutputs(self._engine, wanted, self._say)
            self._engine.set("midi_out_mode", int(wanted == "ports"))
            self._engine.announce_programs()

    # ---- what the session asks --------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Where the transport is and who leads it, ready for JSON. [any]"""
        transport: Transport = self._engine.transport()
        get, outputs, link = self._engine.get, self._outputs, self._link
        return {
            "source": self._source,
            "locked": transport.locked,
            "rolling": transport.rolling,
            "beat": round(transport.beat, 4),
            "tempo_bpm": round(transport.tempo_bpm, 3),
            "beats_per_bar": transport.beats_per_bar,
            "jack_master": bool(get("jack_master")),
            "clock_out": bool(get("clock_out")),
            "click": CLICKS[int(get("click"))],
            "midi_out": MIDI_OUT_MODES[int(get("midi_out_mode"))],
            "midi_out_port": outputs.name if outputs else ("JACK" if self._on_jack else ""),
            "link_peers": link.peers if link else 0,
            "follow": {"confidence": round(self.confidence, 3)},
        }

    def feed(self, results: np.ndarray) -> None:
        """Hear what the callback reported, if playing leads. [main]"""
        follower = self._follower
        if follower is not None:
            follower.feed(results)

    @property
    def confidence(self) -> float:
        """How sure the beat of the playing is, 0 to 1; 0 where something else leads. [any]"""
        follower = self._follower
        return follower.confidence if follower is not None else 0.0

    def tend(self) -> None:
        """Tell what came or went, look after the outputs; twice a second. [main]"""
        with self._lock:
            if self._outputs is not None:
                self._outputs.tend()
            device = self._device()
            if self._master_of is not None and device is not self._master_of:
                self._set_master(bool(self._engine.get("jack_master")) and self._on_jack)
            self._tell_of_source(self._engine.transport())

    def close(self) -> None:
        """Leave Link and close the outputs, after the last note-offs. Idempotent. [main]"""
        with self._lock:
            self._leave_source()
            outputs, self._outputs = self._outputs, None
        if outputs is not None:
            outputs.close()

    # ---- within -----------------------------------------------------------------------------

    @property
    def _on_jack(self) -> bool:
        return type(self._device()).__name__ == "JackDevice"

    @property
    def _jack_rolls(self) -> bool:
        """Whether starting, stopping and place are JACK's to say."""
        master = bool(self._engine.get("jack_master")) and self._source == INTERNAL
        return self._on_jack and (self._source == JACK or master)

    def _new_link(self) -> Any:
        from engine.link import LinkPeer

        return LinkPeer(self._engine, lambda: self._device().latency_frames)

    def _new_follower(self) -> Any:
        from engine.following import Follower
        from engine.parameters import GLOBAL_PARAMETERS

        tempo_bpm = self._engine.transport().tempo_bpm
        untouched = tempo_bpm == GLOBAL_PARAMETERS["tempo_bpm"].initial
        return Follower(self._engine, None if untouched else tempo_bpm)

    def _leave_source(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()
        follower, self._follower = self._follower, None
        if follower is not None:
            follower.close()

    def _set_master(self, master: bool) -> None:
        if master and not self._on_jack:
            raise RipienoError("JACK's timebase needs JACK: play with --out jack")
        if self._on_jack:
            self._device().set_timebase(master)
        self._master_of = self._device() if master else None
        self._engine.set("jack_master", int(master))

    def _set_midi_out_mode(self, mode: int) -> None:
        if MIDI_OUT_MODES[mode] == "ports":
            if self._on_jack:
                self._device().open_part_ports()
            elif self._outputs is not None:
                self._outputs.open_part_ports()
        self._engine.set("midi_out_mode", mode)

    def _count_in(self, bars: int) -> None:
        if self._jack_rolls or self._source in (MIDI_CLOCK, LINK, PLAYING):
            raise RipienoError(f"a count-in needs the internal clock, not {self._source}")
        if not self._engine.get("click"):
            self._engine.set("click", CLICKS.index("count_in"))
        self._engine.locate(-float(bars * self._engine.get("beats_per_bar")))

    def _tell_of_source(self, transport: Transport) -> None:
        """One sentence when what leads the transport comes or goes."""
        named = LEADERS.get(self._source)
        if transport.source != self._source or named is None:
            return
        tempo = f"{transport.tempo_bpm:.1f} bpm"
        if transport.locked and not self._locked:
            self._locked, self._chosen_s = True, 0.0
            self._say(f"{named} leads: {tempo}.")
        elif not transport.locked and self._locked:
            self._locked = False
            self._say(f"{named} is gone; the transport goes on at {tempo}.")
        elif self._chosen_s and time.monotonic() - self._chosen_s > PATIENCE_S:
            self._chosen_s = 0.0
            if not transport.locked:
                self._say(f"{named} is not there yet; the transport keeps {tempo} until it is.")
