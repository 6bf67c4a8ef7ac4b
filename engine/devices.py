"""Choosing what to play through: a JACK server, a sound card, or nothing. [main]"""

from __future__ import annotations

import logging
from typing import Any

from engine.errors import RipienoError
from engine.silence import SilentDevice

AUTO, JACK, NONE = "auto", "jack", "none"
DEFAULT_RATE_HZ = 48000
DEFAULT_BLOCK_FRAMES = 128

log = logging.getLogger(__name__)


def open_device(
    output: str,
    rate_hz: int | None = None,
    block_frames: int | None = None,
    channels: int | None = None,
    inputs: int = 0,
) -> Any:
    """The device `output` names: auto, jack, none or a sound card; None means its own choice.

    auto is JACK where its server runs, else the system's sound card. `channels` of a sound card: 2,
    more for stems, 0 for as many as it has; `inputs` of it are returns; JACK has a port for each
    anyhow. RipienoError says in one sentence why there is no such device. [main]
    """
    wanted_frames = block_frames or DEFAULT_BLOCK_FRAMES
    if output == NONE:
        return SilentDevice(rate_hz or DEFAULT_RATE_HZ, wanted_frames)
    if output in (AUTO, JACK):
        from engine.connections import Connections, connections_file
        from engine.jack import JackDevice

        try:
            device = JackDevice(connections=Connections(connections_file()))
        except RipienoError:
            if output == JACK:
                raise
        else:
            _say_who_decides("rate", rate_hz, device.rate_hz)
            _say_who_decides("block", block_frames, device.block_frames)
            if channels is not None or inputs:
                log.warning("with JACK master, stems and returns have ports; channels do not count")
            return device
    from engine.portaudio import PortAudioDevice

    try:
        return PortAudioDevice(
            None if output == AUTO else output,
            rate_hz,
            wanted_frames,
            channels=2 if channels is None else channels,
            inputs=inputs,
        )
    except RipienoError as error:
        if output != AUTO:
            raise
        raise RipienoError(
            f"there is nothing to play through: no JACK server runs, and {error} "
            "(to play without sound: --out none)"
        ) from error


def _say_who_decides(what: str, wanted: int | None, has: int) -> None:
    if wanted is not None and wanted != has:
        log.warning("the JACK server decides the %s: it is %d, not %d", what, has, wanted)
