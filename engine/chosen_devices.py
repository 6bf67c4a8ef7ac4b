"""The device and the input that were chosen while playing, for the next time. [main]

The session writes them down when the window or a remote chooses; `ripieno play` uses them where its
command line says nothing else. What is not there any more is told in a sentence, and the usual is
used instead.
"""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.devices import AUTO, open_device
from engine.errors import RipienoError
from engine.paths import state_folder
from engine.preset_files import FORMAT, PresetError, read_table, write_text
from engine.settings import NO_INPUT
from engine.toml_text import to_toml

HEADER = """\
# What Ripieno plays through and listens to, as chosen while it played. It may be deleted.
"""
LARGEST_BLOCK = 8192

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Chosen:
    """What was chosen; empty and 0: nothing, so that the usual is used."""

    output: str = ""
    block_frames: int = 0
    input_port: str = ""

    def __post_init__(self) -> None:
        for name in ("output", "input_port"):
            value = getattr(self, name)
            if not isinstance(value, str):
                raise PresetError(f"{name} = {value!r} must be text")
        block = self.block_frames
        if not isinstance(block, int) or not (block == 0 or 16 <= block <= LARGEST_BLOCK):
            raise PresetError(f"block_frames = {block!r} must be 16 to {LARGEST_BLOCK}")


def chosen_file() -> Path:
    """Where it is remembered. [any]"""
    return state_folder() / "devices.toml"


def remembered() -> Chosen:
    """What was chosen the last time; nothing where that cannot be read. [main]"""
    if not chosen_file().exists():
        return Chosen()
    try:
        return Chosen(**read_table(chosen_file()))
    except (PresetError, TypeError) as error:
        log.warning("the chosen devices are forgotten: %s", error)
        return Chosen()


def remember(**changes: Any) -> None:
    """Write down what was chosen, beside what was before; a full disk is only logged. [worker]"""
    chosen = dataclasses.replace(remembered(), **changes)
    if chosen.output == AUTO:
        chosen = dataclasses.replace(chosen, output="")
    said = {name: value for name, value in dataclasses.asdict(chosen).items() if value}
    try:
        write_text(chosen_file(), HEADER + to_toml({"format": FORMAT, **said}))
    except PresetError as error:
        log.warning("%s", error)


def open_output(
    chosen: Chosen, rate_hz: int | None, block_frames: int | None, *channels: Any
) -> tuple[Any, str]:
    """The device chosen the last time, or None; and what to say if it is not there. [main]"""
    if not chosen.output:
        return None, ""
    block_frames = block_frames or chosen.block_frames or None
    try:
        return open_device(chosen.output, rate_hz, block_frames, *channels), ""
    except RipienoError as error:
        return None, f"{chosen.output}, chosen the last time, cannot be played through: {error}."


def input_there(chosen: Chosen) -> tuple[str | None, str]:
    """The input chosen the last time, None for all; and what to say if it is not there. [main]"""
    from engine import jack
    from engine.midi import ports

    wanted = chosen.input_port
    if wanted in ("", NO_INPUT):
        return wanted or None, ""
    try:
        names = [*ports.input_names(), *jack.midi_sources()]
    except RipienoError:
        names = []
    if any(wanted.casefold() in name.casefold() for name in names):
        return wanted, ""
    return None, f"The MIDI input {wanted}, chosen the last time, is not there: all are heard."
