"""The JACK device: one client whose process callback is the engine's native code.

The session opens it on the main thread. No thread of JACK's ever enters Python: the process,
xrun and shutdown callbacks are addresses the Engine gives, and everything else (a server that
went away, a MIDI source that came back, a new block size) is noticed by `tend`, once or twice a
second. Order of life: open, build the Engine at `rate_hz`, start, tend, close.
"""

from __future__ import annotations

import atexit
import ctypes
import threading
from collections.abc import Sequence
from typing import Any

from engine.connections import Connections
from engine.errors import RipienoError
from engine.libjack import (
    AUDIO_TYPE,
    IS_INPUT,
    IS_OUTPUT,
    IS_TERMINAL,
    MIDI_TYPE,
    PLAYBACK_LATENCY,
    address_of,
    find_ports,
    load_libjack,
    open_client,
)
from engine.patchbay import Patchbay
from engine.rt.layout import MAX_PARTS

CALLED_BY_ENGINE = (
    "jack_port_get_buffer",
    "jack_midi_get_event_count",
    "jack_midi_event_get",
    "jack_last_frame_time",
    "jack_port_get_latency_range",
    "jack_port_set_latency_range",
    "jack_port_connected",
    "jack_midi_clear_buffer",
    "jack_midi_event_write",
    "jack_transport_query",
)
OUTPUT_NAMES = (
    "master_left",
    "master_right",
    *(f"stem_{part:02d}_{side}" for part in range(1, MAX_PARTS + 1) for side in ("left", "right")),
)
RETURN_NAMES = tuple(f"return_{n}_{side}" for n in (1, 2) for side in ("left", "right"))


MIDI_OUT_NAME = "midi_out"  # a channel a part, and the clock
PART_MIDI_OUT_NAMES = tuple(f"midi_out_{part:02d}" for part in range(1, MAX_PARTS + 1))


class JackDevice:
    """A JACK client: MIDI in and out, a stereo master, a stereo stem a part, two stereo returns.

    `rate_hz` and `block_frames` are the server's and known from the start; the Engine is built
    with that rate. Raises RipienoError when the library or the server is missing; a server is
    never started from here. `connections` remembers what is connected by hand; a second client of
    the same name leaves it alone. [main]
    """

    def __init__(
        self,
        name: str = "ripieno",
        server: str | None = None,
        connections: Connections | None = None,
    ) -> None:
        self._lib = load_libjack()
        self._wanted_name = name
        self._server = server
        self._engine: Any = None
        self._midi_wanted = ""
        self._connect_outputs = True
        self._part_names: tuple[str, ...] = ()
        self._connections = connections
        self._patchbay: Any = None  # from the first start on
        self._outputs: list[int] = []
        self._lags_told: tuple[int, ...] = ()
        self._midi_in = 0
        self._midi_outs: list[int] = []
        self._a_port_a_part = False
        self._midi_listeners = 0
        self._jack_master = False
        self._active = False
        self._last_said = ""
        self._lock = threading.RLock()
        self._client = self._open()
        atexit.register(self.close)

    @property
    def name(self) -> str:
        """The client's name, which the server may have made unique."""
        return self._lib.jack_get_client_name(self._client).decode() if self._client else ""

    @property
    def description(self) -> str:
        """One phrase for the player. [main]"""
        return f"JACK ({self.rate_hz} Hz, {self.block_frames} frames, client {self.name!r})"

    @property
    def alive(self) -> bool:
        """True while the stream runs and its server is there. [any]"""
        return self._active and not self._engine.server_down

    @property
    def midi_source_names(self) -> list[str]:
        """The MIDI sources that play into it now. [any]"""
        return sorted(self._patchbay.sources) if self.alive else []

    @property
    def latency_frames(self) -> int:
        """Frames from the callback's output to the speaker, as the server tells them. [main]"""
        if not self._outputs or not self.alive:
            return self.block_frames
        span = (ctypes.c_uint32 * 2)()
        self._lib.jack_port_get_latency_range(self._outputs[0], PLAYBACK_LATENCY, span)
        return int(span[1])

    def start(
        self, engine: Any, midi_source: str | None = None, connect_outputs: bool = True
    ) -> None:
        """Run `engine` in this client's process callback.

        `midi_source`: a JACK MIDI source by its full name or any part of it, whatever its case;
        "" or None connects every physical one, also those plugged in later. [main]
        """
        with self._lock:
            if self._client is None:
                self._client = self._open()
                atexit.register(self.close)
            if self._active:
                raise RipienoError("this JACK client is already playing")
            if engine.rate_hz != self.rate_hz:
                raise RipienoError(
                    f"the JACK server runs at {self.rate_hz} Hz and the engine at "
                    f"{engine.rate_hz} Hz: start again to follow the server"
                )
            self._engine = engine
            self._midi_wanted = midi_source or ""
            self._connect_outputs = connect_outputs
            self._register_ports()
            self._activate()
            self._patchbay = Patchbay(
                self._lib,
                self._client,
                engine,
                midi_wanted=self._midi_wanted,
                connect_outputs=connect_outputs,
                connections=self._connections,
                remember=self.name == self._wanted_name,
                held_by=self._patchbay.sources if self._patchbay else (),
            )

    def open_part_ports(self) -> None:
        """Have a MIDI output a part, besides `midi_out`, from now on. RipienoError if refused.

        They stay when the parts share one port again: none goes while the music plays. [main]
        """
        with self._lock:
            self._a_port_a_part = True
            if self._client is not None and len(self._midi_outs) == 1:
                names = PART_MIDI_OUT_NAMES
                self._midi_outs += [self._register(name, MIDI_TYPE, IS_OUTPUT) for name in names]
                self._engine.set_jack_midi_out(self._functions(), self._midi_outs)

    def connect_midi_out(self, wanted: str) -> None:
        """Connect `midi_out` to every MIDI input whose name contains `wanted`. [main]

        RipienoError names what there is, if none does.
        """
        with self._lock:
            self._patchbay.connect_midi_out(MIDI_OUT_NAME, wanted)

    def set_timebase(self, master: bool) -> None:
        """Be JACK's timebase master, or no longer. RipienoError if the server refuses. [main]"""
        with self._lock:
            self._jack_master = master
            if self._client is None or self._engine is None:
                return
            lib, client, engine = self._lib, self._client, self._engine
            if not master:
                lib.jack_release_timebase(client)
            elif lib.jack_set_timebase_callback(
                client, 0, engine.timebase_callback_address, engine.user_data
            ):
                raise RipienoError("the JACK server did not take Ripieno as its timebase master")

    def roll_transport(self, rolling: bool) -> None:
        """Start or stop JACK's transport, for every program that follows it. [main]"""
        with self._lock:
            if self.alive:
                lib = self._lib
                (lib.jack_transport_start if rolling else lib.jack_transport_stop)(self._client)

    def locate_transport(self, frame: int) -> None:
        """Let JACK's transport go to one of its frames, at least 0. [main]"""
        with self._lock:
            if self.alive:
                self._lib.jack_transport_locate(self._client, max(frame, 0))

    def name_parts(self, names: Sequence[str]) -> None:
        """Show the parts' names as aliases of the stem ports. [main]"""
        with self._lock:
            previous, self._part_names = self._part_names, tuple(names)[:MAX_PARTS]
            if self.alive:
                self._set_aliases(previous, self._lib.jack_port_unset_alias)
                self._set_aliases(self._part_names, self._lib.jack_port_set_alias)

    def listen_to(self, midi_source: str | None) -> None:
        """Take notes from another source from now on; as `start` understands it. [worker]"""
        with self._lock:
            self._midi_wanted = midi_source or ""
            if self.alive:
                self._patchbay.listen_to(self._midi_wanted)

    def tend(self) -> list[str]:
        """Reopen a lost server, connect MIDI sources that appeared; what happened, in sentences.

        Call it once or twice a second. Never raises. [main]
        """
        with self._lock:
            if not self._active:
                return []
            if not self.alive:
                return self._tend_lost()
            self._tell_latency()
            said = self._patchbay.tend()
            self._announce_programs()
            block_frames = self._lib.jack_get_buffer_size(self._client)
            if block_frames != self.block_frames:
                self.block_frames = block_frames
                said.append(f"The JACK server now runs in blocks of {block_frames} frames.")
            return said

    def reopen(self) -> None:
        """Leave the server and join it again with the same engine. RipienoError if it is gone.

        After the error the device still waits: `reopen` and `tend` may be tried again. [main]
        """
        with self._lock:
            engine = self._engine
            if engine is None:
                raise RipienoError("this JACK client has never been started")
            self._leave()
            client = self._open()
            if self.rate_hz != engine.rate_hz:
                self._lib.jack_client_close(client)
                raise RipienoError(
                    f"the JACK server came back at {self.rate_hz} Hz and the engine runs at "
                    f"{engine.rate_hz} Hz: start again to follow the server"
                )
            self._client = client
            self._active = False
            engine.server_down = False
            self.start(engine, self._midi_wanted, self._connect_outputs)
            self.name_parts(self._part_names)

    def close(self) -> None:
        """Fade out, leave the server. Idempotent; also called at interpreter exit. [main]"""
        with self._lock:
            atexit.unregister(self.close)
            self._leave()
            self._active = False

    def _open(self) -> int:
        client = open_client(self._wanted_name, self._server)
        self.rate_hz = int(self._lib.jack_get_sample_rate(client))
        self.block_frames = int(self._lib.jack_get_buffer_size(client))
        return client

    def _register_ports(self) -> None:
        self._midi_in = self._register("midi_in", MIDI_TYPE, IS_INPUT)
        self._outputs = [
            self._register(name, AUDIO_TYPE, IS_OUTPUT | (IS_TERMINAL if i < 2 else 0))
            for i, name in enumerate(OUTPUT_NAMES)
        ]
        returns = [
            self._register(name, AUDIO_TYPE, IS_INPUT | IS_TERMINAL) for name in RETURN_NAMES
        ]
        self._engine.set_jack_ports(
            self._functions(), self._midi_in, self._outputs, self._client, returns
        )
        names = (MIDI_OUT_NAME, *(PART_MIDI_OUT_NAMES if self._a_port_a_part else ()))
        self._midi_outs = [self._register(name, MIDI_TYPE, IS_OUTPUT) for name in names]
        self._engine.set_jack_midi_out(self._functions(), self._midi_outs)
        self._midi_listeners = 0

    def _functions(self) -> dict[str, int]:
        return {name: address_of(getattr(self._lib, name)) for name in CALLED_BY_ENGINE}

    def _announce_programs(self) -> None:
        """Tell banks and programs again when somebody new listens to a MIDI output."""
        listeners = sum(self._lib.jack_port_connected(port) for port in self._midi_outs)
        if listeners > self._midi_listeners:
            self._engine.announce_programs()
        self._midi_listeners = listeners

    def _register(self, name: str, kind: bytes, flags: int) -> int:
        port = self._lib.jack_port_register(self._client, name.encode(), kind, flags, 0)
        if not port:
            raise RipienoError(f"the JACK server refused the port {name!r}: it has no more ports")
        return port

    def _activate(self) -> None:
        lib, client, engine = self._lib, self._client, self._engine
        lib.jack_set_process_callback(client, engine.jack_callback_address, engine.user_data)
        lib.jack_set_xrun_callback(client, engine.xrun_callback_address, engine.user_data)
        lib.jack_set_freewheel_callback(client, engine.freewheel_callback_address, engine.user_data)
        lib.jack_set_latency_callback(client, engine.latency_callback_address, engine.user_data)
        lib.jack_on_shutdown(client, engine.shutdown_callback_address, engine.user_data)
        engine.server_down = False
        engine.begin(self.block_frames, True)
        self._active = True
        if lib.jack_activate(client) != 0:
            self._leave()
            self._active = False
            raise RipienoError("the JACK server refused to run this client")
        if self._jack_master:
            self.set_timebase(True)

    def _leave(self) -> None:
        """Ask the callback to end, then close the client; only then may arrays be freed."""
        client, self._client = self._client, None
        self._outputs, self._midi_in, self._midi_outs = [], 0, []
        if client is None:
            return
        try:
            if self._active and not self._engine.server_down:
                self._engine.quit_and_wait()
        finally:
            if self._active:
                self._lib.jack_deactivate(client)
            self._lib.jack_client_close(client)

    def _tend_lost(self) -> list[str]:
        said = []
        if not self._last_said:
            self._last_said = "The JACK server has gone; waiting for it to come back."
            said.append(self._last_said)
        try:
            self.reopen()
        except RipienoError as error:
            self._active = True  # still wanted: the next tend tries again
            self._engine.server_down = True
            if self._client is None and "came back" in str(error) and self._last_said != str(error):
                self._last_said = str(error)
                said.append(f"{self._last_said[0].upper()}{self._last_said[1:]}.")
            return said
        self._last_said = ""
        return [*said, f"The JACK server is back: playing as {self.name!r}."]

    def _tell_latency(self) -> None:
        """Have JACK ask for our latencies anew when a chain changed them."""
        lags_frames = self._engine.lags_frames
        if lags_frames != self._lags_told:
            self._lags_told = lags_frames
            self._lib.jack_recompute_total_latencies(self._client)

    def _set_aliases(self, names: Sequence[str], change: Any) -> None:
        for part, part_name in enumerate(names):
            for side in (0, 1):
                alias = f"{self.name}:{part_name} {'LR'[side]}"
                change(self._outputs[2 + 2 * part + side], alias.encode())


def jack_running(server: str | None = None) -> bool:
    """True if a JACK server answers. [main]"""
    try:
        JackDevice("ripieno-look", server).close()
    except RipienoError:
        return False
    return True


def midi_sources(server: str | None = None) -> list[str]:
    """Names of the server's MIDI sources; empty without a server. [main]"""
    try:
        device = JackDevice("ripieno-look", server)
    except RipienoError:
        return []
    try:
        return find_ports(device._lib, device._client, MIDI_TYPE, IS_OUTPUT)
    finally:
        device.close()
