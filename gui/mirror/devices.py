"""Devices, ports and latencies as the settings page lists them. [any]"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gui.readings import frames_text

BLOCKS = (16, 32, 64, 128, 256, 512, 1024, 2048)
OWN_PORTS = ("channels", "ports")
PATH_COLUMNS = (
    ("path", "Path"),
    ("input_frames", "Input"),
    ("source_frames", "Sound"),
    ("chain_frames", "Host"),
    ("plugin_frames", "Plugins"),
    ("compensation_frames", "Waiting"),
    ("master_frames", "Master"),
    ("device_frames", "Device"),
    ("total_frames", "In all"),
    ("total_ms", "ms"),
)


def outputs(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What can be played through: the name that is sent and what is read. [any]"""
    choices = [("auto", "Automatic: JACK or sound card")]
    jack = found.get("jack")
    if jack:
        block = frames_text(jack["block_frames"], jack["rate_hz"])
        choices.append(("jack", f"JACK, {jack['rate_hz']} Hz, {block}"))
    for device in found.get("outputs", ()):
        text = f"{device['name']} ({device['host_api']}, {device['rate_hz']} Hz)"
        choices.append((device["name"], text))
    choices.append(("none", "No sound"))
    return choices


def blocks(rate_hz: int) -> list[tuple[int, str]]:
    """Block sizes in samples and ms. [any]"""
    return [(frames, frames_text(frames, rate_hz)) for frames in BLOCKS]


def inputs(found: Mapping[str, Any], wanted: str) -> list[tuple[str, str]]:
    """MIDI inputs: all, none, or one of those there are; one that is away stays listed. [any]"""
    names = [str(name) for name in found.get("inputs", ())]
    if wanted not in ("", "none", *names):
        names.append(wanted)
    return [("", "Every input"), *((name, name) for name in names), ("none", "No input")]


def midi_outputs(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Where the parts' notes can go. [any]"""
    own = [("channels", "A port of our own"), ("ports", "A port of our own for each part")]
    return [*own, *((str(name), str(name)) for name in found.get("midi_outputs", ()))]


def path_rows(latencies: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[list[str]]:
    """The latency table, with the parts' names. [any]"""
    return [[_cell(key, row[key], names) for key, _ in PATH_COLUMNS] for row in latencies]


def _cell(key: str, value: Any, names: Sequence[str]) -> str:
    if key == "path":
        kind, _, number = str(value).partition(" ")
        if kind == "part" and number.isdecimal() and int(number) <= len(names):
            return names[int(number) - 1]
        if kind == "return":  # what comes back through an audio input, as the mixer calls it
            return f"Input {number}"
        if value == "midi out":
            return "MIDI out"
        return str(value).capitalize()
    return f"{value:.2f}" if key == "total_ms" else f"{value:.0f}"


def links(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Remembered connections: the words to forget them by, and what is read. [any]"""
    rows = [(_peer(link), f"{_port(link)} \u2192 {_peer(link)}") for link in answer["connected"]]
    rows += [(_peer(link), f"{_port(link)} not to {_peer(link)}") for link in answer["parted"]]
    return rows


def _port(link: Any) -> str:
    return str(link["port"] if isinstance(link, Mapping) else link[0])


def _peer(link: Any) -> str:
    return str(link["peer"] if isinstance(link, Mapping) else link[1])
