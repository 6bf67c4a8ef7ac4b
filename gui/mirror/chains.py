"""The chains of plugins as the window shows them, and what there is to put into one. [any]"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.plugins.builtin import EFFECTS

BUILT_IN = "pedalboard:"
STATES = {  # as the engine says them, and what a player reads
    "loading": "Loading",
    "running": "Running",
    "restarting": "Starting again",
    "failed": "Failed",
}
OTHERS = (("send a", "Send A"), ("send b", "Send B"), ("master", "Master"))


@dataclass(frozen=True)
class Plugin:
    """One plugin of a chain; `place` counts from 1, as addresses do."""

    place: int
    name: str
    path: str
    bypass: bool
    parameters: int


@dataclass(frozen=True)
class Chain:
    """One slot, with plugins or empty. `part` counts from 0, -1 for sends and master."""

    slot: str  # "part 3", "send a"
    title: str
    part: int = -1
    state: str = ""
    message: str = ""
    instrument: bool = False
    restarts: int = 0
    editor: int = -1
    plugins: tuple[Plugin, ...] = ()
    lead_ms: float = 0.0
    lead_frames: int = 0
    latency_ms: float = 0.0
    latency_frames: int = 0
    load_percent: float = 0.0
    misses: int = 0

    def address(self, rest: str = "") -> str:
        """The OSC address of the slot, or of something in it. [any]"""
        path = f"/ripieno/chain/{self.slot.replace(' ', '_')}"
        return f"{path}/{rest}" if rest else path

    @property
    def status(self) -> str:
        """Its state in a word or two. [any]"""
        return STATES.get(self.state, self.state.capitalize()) if self.plugins else "Empty"

    @property
    def summary(self) -> str:
        """Its plugins in a line. [any]"""
        return ", ".join(plugin.name for plugin in self.plugins) or "no plugins"

    @property
    def figures(self) -> str:
        """What it costs: time and work. Empty before it runs. [any]"""
        if self.state != "running":
            return ""
        words = [
            f"lead {self.lead_frames} samples \u00b7 {self.lead_ms:.1f} ms",
            f"latency {self.latency_frames} samples \u00b7 {self.latency_ms:.1f} ms",
            f"{self.load_percent:.1f} % CPU",
        ]
        if self.misses:
            words.append(f"late {self.misses}\u00d7")
        if self.restarts:
            words.append(f"restarted {self.restarts}\u00d7")
        return "   ".join(words)


@dataclass(frozen=True)
class Offer:
    """A plugin that can be added; `name` is what `/add` takes."""

    name: str
    title: str
    detail: str
    tags: tuple[str, ...]
    quarantine: str = ""


def read(section: Mapping[str, Any], part_names: Sequence[str]) -> list[Chain]:
    """Every slot in order: the parts, the sends, the master; also those without plugins. [any]"""
    slots = [(f"part {i + 1}", name, i) for i, name in enumerate(part_names)]
    slots += [(slot, title, -1) for slot, title in OTHERS]
    return [_chain(slot, title, part, section.get(slot) or {}) for slot, title, part in slots]


def _chain(slot: str, title: str, part: int, told: Mapping[str, Any]) -> Chain:
    keys = ("state", "message", "instrument", "restarts", "editor", "lead_ms", "lead_frames")
    more = ("latency_ms", "latency_frames", "load_percent", "misses")
    plugins = tuple(
        Plugin(place, p["name"], p["path"], bool(p["bypass"]), int(p["parameters"]))
        for place, p in enumerate(told.get("plugins", ()), 1)
    )
    known = {key: told[key] for key in (*keys, *more) if key in told}
    return Chain(slot, title, part, plugins=plugins, **known)


def offers(files: Sequence[Mapping[str, Any]]) -> list[Offer]:
    """What the last scan found, and the effects that need no file. [any]"""
    found = [
        Offer(f"{BUILT_IN}{name}", name, "comes with the program", ("built in", "effect"))
        for name in EFFECTS
    ]
    for file in files:
        if file.get("quarantine"):
            name = str(file["path"]).rpartition("/")[2]
            reason = f"it {file['quarantine']}"
            found.append(Offer(str(file["path"]), name, reason, ("quarantine",), reason))
        for plugin in file.get("plugins", ()):
            kind = "instrument" if plugin["instrument"] else "effect"
            detail = " \u00b7 ".join(word for word in (plugin["manufacturer"], kind) if word)
            found.append(Offer(plugin["name"], plugin["name"], detail, (kind,)))
    return sorted(found, key=lambda offer: (bool(offer.quarantine), offer.title.lower()))


def value_text(path: str, parameter: Mapping[str, Any], value01: float) -> str:
    """A parameter's value in its own unit where that is known, else in percent. [any]"""
    if path.startswith(BUILT_IN):
        for span in EFFECTS.get(path.removeprefix(BUILT_IN), ()):
            if span.attribute == parameter["name"]:
                return f"{span.at(value01):.3g} {span.unit}".strip()
    steps = int(parameter.get("steps") or 0)
    if 2 <= steps <= 64:
        at = round(value01 * (steps - 1))
        return ("off", "on")[at] if steps == 2 else f"{at + 1} of {steps}"
    return f"{round(100 * value01)} %"
