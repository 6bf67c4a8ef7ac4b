"""The port remotes reach the engine at, as it was chosen while playing, for the next time. [any]

The session writes it down; `ripieno play` listens there and the window looks there, where their
command lines say nothing else.
"""

from __future__ import annotations

import logging
from pathlib import Path

from engine.address_table import DEFAULT_PORT
from engine.paths import state_folder
from engine.preset_files import FORMAT, PresetError, read_table, write_text
from engine.toml_text import to_toml

LOWEST, HIGHEST = 1024, 65535
HEADER = "# The UDP port Ripieno's remote control was moved to. It may be deleted.\n"

log = logging.getLogger(__name__)


def port_file() -> Path:
    """Where it is remembered. [any]"""
    return state_folder() / "osc_port.toml"


def remembered_port() -> int:
    """The port chosen the last time, or the usual. [any]"""
    if not port_file().exists():
        return DEFAULT_PORT
    try:
        port = read_table(port_file()).get("osc_port")
    except PresetError as error:
        log.warning("the chosen OSC port is forgotten: %s", error)
        return DEFAULT_PORT
    if isinstance(port, int) and LOWEST <= port <= HIGHEST:
        return port
    return DEFAULT_PORT


def remember_port(port: int) -> None:
    """Write it down; a full disk is only logged. [any]"""
    try:
        write_text(port_file(), HEADER + to_toml({"format": FORMAT, "osc_port": port}))
    except PresetError as error:
        log.warning("%s", error)
