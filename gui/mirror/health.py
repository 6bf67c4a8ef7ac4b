"""What is wrong, and what to do about it: rules from what the engine tells to sentences. [any]

Each rule is a function of one `Signs` and gives a finding or nothing; the worst is shown. A
sentence says what is the matter and what the player can do, never only a number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gui.mirror.statistics import Statistics

FINE, HINT, WARNING, TROUBLE = 0, 1, 2, 3  # how bad
HIGH_LOAD, OVERLOAD = 70.0, 95.0  # p99.9 of the callback, % of a block
LONG_DELAY_MS = 20.0
RECENT_S = 20.0  # how long what was counted up is worth a sentence


@dataclass(frozen=True)
class Finding:
    """One thing to say. `action` is what a click does: reset, start, settings, or nothing."""

    level: int
    sentence: str
    action: str = ""


@dataclass(frozen=True)
class Signs:
    """What the rules look at. `since` holds counts' growth within the last RECENT_S."""

    connection: str = "connected"
    statistics: Statistics = field(default_factory=Statistics)
    since: dict[str, int] = field(default_factory=dict)
    device: dict[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ("a keyboard",)
    input_wanted: str = ""
    chains: dict[str, Any] = field(default_factory=dict)
    recorder: dict[str, Any] = field(default_factory=dict)
    continuation: dict[str, Any] = field(default_factory=dict)
    transport: dict[str, Any] = field(default_factory=dict)
    chord_window_ms: float = 0.0
    starting: bool = False
    failed: str = ""  # why an engine that was started did not, until one does


Rule = Callable[[Signs], Finding | None]


def judge(signs: Signs) -> list[Finding]:
    """All findings, the worst first; what comes earlier in RULES wins between equals. [any]"""
    if signs.connection not in ("connected", "slow"):
        found = _connection(signs)
        return [found] if found else []
    found = [finding for rule in RULES if (finding := rule(signs))]
    return sorted(found, key=lambda finding: -finding.level)


def path_ms(signs: Signs) -> float:
    """What lies between the key, the engine and the speaker besides the engine. [any]"""
    device = signs.device
    return float(device.get("latency_ms", 0.0)) + float(device.get("input_latency_ms", 0.0))


def _connection(signs: Signs) -> Finding | None:
    if signs.connection == "slow":
        return Finding(WARNING, "The engine answers late: the computer has too much to do.")
    if signs.starting:
        return Finding(HINT, "The engine starts; the first time this takes a minute.")
    if signs.failed and signs.connection in ("looking", "gone"):
        return Finding(TROUBLE, f"The engine did not start: {signs.failed}", "start")
    if signs.connection == "looking":
        return Finding(HINT, "Looking for the engine …", "start")
    if signs.connection == "gone":
        return Finding(TROUBLE, "The engine does not answer. Click to start it again.", "start")
    return None


def _device(signs: Signs) -> Finding | None:
    if signs.device and not signs.device.get("alive", True):
        return Finding(
            TROUBLE, "The sound device is gone. Plug it in again or choose another.", "settings"
        )
    if str(signs.device.get("description", "")).startswith("no sound"):
        return Finding(HINT, "Nothing is heard: no sound device is in use.", "settings")
    return None


def _load(signs: Signs) -> Finding | None:
    load = signs.statistics.load_p999
    block = signs.statistics.block_frames
    if load >= OVERLOAD:
        return Finding(
            TROUBLE,
            f"The sound needs {load:.0f} % of its time: choose a block above {block} frames, or "
            "fewer plugins.",
            "settings",
        )
    if load >= HIGH_LOAD:
        return Finding(
            WARNING,
            f"The sound needs up to {load:.0f} % of its time; a block above {block} frames is "
            "safer.",
            "settings",
        )
    return None


def _xruns(signs: Signs) -> Finding | None:
    count = signs.since.get("xruns", 0) + signs.since.get("missed_cycles", 0)
    if count == 0:
        return None
    block = signs.statistics.block_frames
    gaps = "a gap" if count == 1 else f"{count} gaps"
    if signs.statistics.load_p999 < HIGH_LOAD:
        cure = "another program disturbs it; close some, or choose a larger block"
    else:
        cure = f"choose a block above {block} frames"
    return Finding(WARNING, f"The sound had {gaps} just now: {cure}.", "settings")


def _lost(signs: Signs) -> Finding | None:
    if signs.since.get("dropped_events", 0):
        return Finding(WARNING, "Some notes came faster than can be played and were left out.")
    if signs.since.get("underruns", 0):
        return Finding(WARNING, "The disk is too slow for the recording; the music is not harmed.")
    if signs.since.get("refused_notes", 0):
        return Finding(
            HINT, "Notes outside every part's range were left out; widen a range in Ensemble."
        )
    if signs.since.get("voices_stolen", 0):
        return Finding(HINT, "More notes sound than there are voices; the oldest make room.")
    return None


def _plugins(signs: Signs) -> Finding | None:
    for slot, chain in signs.chains.items():
        state = chain.get("state", "")
        if state in ("failed", "crashed", "restarting", "hung", "dead"):
            message = chain.get("message") or "it stopped"
            return Finding(WARNING, f"Plugins of {slot}: {message}. The part sounds without them.")
    return None


def _continuation(signs: Signs) -> Finding | None:
    worker = signs.continuation.get("worker") or {}
    state, mode = worker.get("state", "off"), signs.continuation.get("mode", "off")
    if mode == "off" or state in ("ready", "off"):
        return None
    if state == "loading":
        return Finding(HINT, "The ensemble's model is loading; you can play already.")
    if state == "restarting":
        return Finding(WARNING, "The ensemble's model is started again; you can play on.")
    message = str(worker.get("message") or "it could not be started").rstrip(".")
    return Finding(WARNING, f"The ensemble cannot play on: {message}.")


def _late_network(signs: Signs) -> Finding | None:
    late = signs.since.get("notes_late_rule", 0)
    if late:
        return Finding(
            HINT, f"{late} notes got their part by rule: the network would have been late."
        )
    return None


def _clock(signs: Signs) -> Finding | None:
    source = signs.transport.get("sync_source", "internal")
    if source != "internal" and not signs.transport.get("locked", True):
        name = {"midi_clock": "MIDI clock", "jack": "JACK's transport", "link": "Link"}.get(
            source, "the leader of the clock"
        )
        return Finding(HINT, f"Waiting for {name}; the tempo stays as it is.")
    return None


def _keyboard(signs: Signs) -> Finding | None:
    if not signs.inputs and signs.input_wanted != "none":
        return Finding(
            HINT, "No MIDI keyboard is connected. Plug one in, or play on the computer's keys (F9)."
        )
    return None


def _delay(signs: Signs) -> Finding | None:
    total_ms = signs.statistics.delay_p99_ms + path_ms(signs)
    if signs.statistics.notes and total_ms - signs.chord_window_ms > LONG_DELAY_MS:
        return Finding(
            HINT,
            f"A note needs up to {total_ms:.0f} ms: a smaller block makes it faster.",
            "settings",
        )
    return None


RULES: tuple[Rule, ...] = (
    _connection,
    _device,
    _load,
    _xruns,
    _lost,
    _plugins,
    _continuation,
    _clock,
    _late_network,
    _keyboard,
    _delay,
)
COUNTED = (
    "xruns",
    "missed_cycles",
    "dropped_events",
    "underruns",
    "refused_notes",
    "voices_stolen",
    "notes_late_rule",
)


class Growth:
    """How much the counts grew within the last RECENT_S; a reset makes no growth. [main]"""

    def __init__(self) -> None:
        self._readings: list[tuple[float, dict[str, int]]] = []

    def feed(self, statistics: Statistics, now_s: float) -> dict[str, int]:
        """A new reading; what grew since. [main]"""
        counts = {name: int(getattr(statistics, name)) for name in COUNTED}
        last = self._readings[-1][1] if self._readings else counts
        if any(counts[name] < last[name] for name in COUNTED):
            self._readings.clear()
        if not self._readings or now_s - self._readings[-1][0] >= 1.0:
            self._readings.append((now_s, counts))
        while len(self._readings) > 1 and self._readings[1][0] <= now_s - RECENT_S:
            self._readings.pop(0)
        first = self._readings[0][1]
        return {name: counts[name] - first[name] for name in COUNTED}
