"""What a device needs of the engine: native callbacks, their user data, ports and channels."""

from collections.abc import Iterable, Sequence

from engine.rt import callback, layout
from engine.rt.jack_latency import jack_latency
from engine.rt.layout import IN_CHANNELS, OUT_CHANNELS
from engine.stream_clock import StreamClock


class DeviceSide(StreamClock):
    """One rig as JACK and PortAudio see it. See the module."""

    jack_callback_address: int = callback.jack_process.address or 0
    portaudio_callback_address: int = callback.portaudio_process.address or 0
    xrun_callback_address: int = callback.count_xrun.address or 0
    shutdown_callback_address: int = callback.server_gone.address or 0
    freewheel_callback_address: int = callback.freewheel.address or 0
    latency_callback_address: int = jack_latency.address or 0
    timebase_callback_address: int = callback.jack_timebase.address or 0

    def set_jack_ports(
        self,
        functions: dict[str, int],
        midi_in: int,
        outputs: Iterable[int],
        client: int = 0,
        inputs: Iterable[int] = (),
    ) -> None:
        """Tell the callback its ports (jack_port_t*, 0 = none) and libjack's functions. [main]"""
        native = self._rig.native
        native[layout.JACK_BUFFER] = functions["jack_port_get_buffer"]
        native[layout.JACK_MIDI_COUNT] = functions["jack_midi_get_event_count"]
        native[layout.JACK_MIDI_GET] = functions["jack_midi_event_get"]
        native[layout.JACK_GET_LATENCY] = functions.get("jack_port_get_latency_range", 0)
        native[layout.JACK_SET_LATENCY] = functions.get("jack_port_set_latency_range", 0)
        native[layout.JACK_CONNECTED] = functions.get("jack_port_connected", 0)
        native[layout.JACK_FRAME_TIME] = functions.get("jack_last_frame_time", 0) if client else 0
        self._state["jack_client"] = client
        self._state["last_frame_time"] = -1
        self._state["midi_port"] = midi_in
        self._rig.ports[:] = 0
        addresses = list(outputs)
        self._rig.ports[: len(addresses)] = addresses
        self._rig.input_ports[:] = 0
        addresses = list(inputs)
        self._rig.input_ports[: len(addresses)] = addresses

    @property
    def lags_frames(self) -> tuple[int, ...]:
        """How late each strip is heard: parts, sends, master, audio inputs, click. [any]"""
        return tuple(self._rig.strips["delay"].tolist())

    def set_jack_midi_out(self, functions: dict[str, int], ports: Sequence[int]) -> None:
        """Tell the callback its MIDI outputs (jack_port_t*, 0 = none): midi_out, then a part's.

        Ports may be added while the stream runs; none of those given may go. [main]
        """
        native = self._rig.native
        native[layout.JACK_MIDI_CLEAR] = functions["jack_midi_clear_buffer"]
        native[layout.JACK_TRANSPORT_QUERY] = functions["jack_transport_query"]
        native[layout.JACK_MIDI_WRITE] = functions["jack_midi_event_write"]
        self._rig.transport[0]["jack_frame"] = -1
        self._rig.out_ports[:] = 0
        self._rig.out_ports[: len(ports)] = ports

    def set_device_channels(self, channels: int) -> None:
        """Tell the callback how many output channels a PortAudio device takes. [main]"""
        if not 1 <= channels <= OUT_CHANNELS:
            raise ValueError(f"channels must be 1 to {OUT_CHANNELS}, got {channels}")
        self._state["channels"] = channels

    def set_input_channels(self, channels: int) -> None:
        """Tell the callback how many input channels a PortAudio device gives. [main]"""
        if not 0 <= channels <= IN_CHANNELS:
            raise ValueError(f"channels must be 0 to {IN_CHANNELS}, got {channels}")
        self._state["input_channels"] = channels

    @property
    def server_down(self) -> bool:
        """Whether the audio server has gone; the device clears it when it is back. [any]"""
        return bool(self._state["server_down"])

    @server_down.setter
    def server_down(self, down: bool) -> None:
        self._state["server_down"] = int(down)
