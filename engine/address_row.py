"""What a row of the OSC address table is made of, and what a message's arguments must be. [any]"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from engine.ensembles import PART_RULES
from engine.errors import RipienoError

PARTS = 16
PLUGINS = 16  # of a chain
CHORD_MODES = ("wait", "settle")
ASSIGNERS = ("network", "zones", "closest")
CONTROLS = ("ensemble", "player")
KEYSWITCH_MODES = ("hold", "latch")
LOW_CONFIDENCE = ("off", "nearest", "last", "tutti")
CLICKS = ("off", "count_in", "always")
CONTINUATION_MODES = ("off", "takeover", "trade", "accompany", "vary")
MORPH_MODES = ("latent", "baseline")
MORPH_INTERPOLATIONS = ("none", "linear", "cubic")
TOPICS = ("statistics", "events", "state", "changes", "plan", "attention")
SECTIONS = (
    "about",
    "ensemble",
    "device",
    "transport",
    "continuation",
    "chains",
    "latency",
    "recorder",
    "learn",
    "rig",
    "morph",
)
LEARN_FROM = ("controls", "notes")
PICKUP, JUMP, RELATIVE = "pickup", "jump", "relative"
MODES = (PICKUP, JUMP, RELATIVE)
MIDI_OUT_MODES = ("channels", "ports")
SYNC_SOURCES = ("internal", "jack", "midi_clock", "link", "playing")
LEASE_S = 10.0
LEASE_RANGE_S = (1.0, 60.0)
SAME, JSON = "its value", "s JSON"
LONGEST_KEEP_S = 600.0
EXPORT_FORMS = ("midi", "stems", "dawproject", "rpp")
VALUE, TRIGGER = "value", "trigger"  # how a row may be learned: as a fader or switch, as a button


class WrongMessageError(RipienoError):
    """An address that is not in the table, or arguments of the wrong number or type."""


class OutOfRangeError(RipienoError):
    """The right number and types of arguments, but a value outside what the row allows."""


@dataclass(frozen=True)
class Argument:
    """One argument: `tag` i (int32), f (float32) or s (string); numbers have a range."""

    name: str
    tag: str
    low: float = 0.0
    high: float = 0.0
    choices: tuple[str, ...] = ()
    optional: bool = False

    @property
    def range_text(self) -> str:
        if self.choices:
            return " \\| ".join(self.choices)
        return "text" if self.tag == "s" else f"{self.low:g} .. {self.high:g}"


@dataclass(frozen=True)
class Address:
    """One row. `parameter` names the engine's parameter when the row is a plain setting.

    A `setting` is set with its argument and asked without. `local`: only programs on this machine
    may use it. `slow`: done on a thread of its own, one after the other, and answered when done.
    """

    path: str
    does: str
    arguments: tuple[Argument, ...] = ()
    reply: str = ""
    parameter: str = ""
    setting: bool = False
    learn: str = ""
    local: bool = False
    slow: bool = False

    @property
    def per_part(self) -> bool:
        return "{part}" in self.path

    @property
    def tags(self) -> str:
        return "".join(f"[{a.tag}]" if a.optional else a.tag for a in self.arguments)


@dataclass(frozen=True)
class At:
    """What the placeholders of a path stand for in one message; numbers count from 0."""

    part: int | None = None
    slot: str = ""  # "part 3", "send a", "master"
    plugin: int = 0
    name: str = ""


def number(name: str, low: float, high: float) -> tuple[Argument, ...]:
    return (Argument(name, "f", low, high),)


def whole(name: str, low: int, high: int) -> tuple[Argument, ...]:
    return (Argument(name, "i", low, high),)


def switch(name: str) -> tuple[Argument, ...]:
    return whole(name, 0, 1)


def text(name: str, *choices: str) -> tuple[Argument, ...]:
    return (Argument(name, "s", choices=choices),)


def may(argument: tuple[Argument, ...]) -> tuple[Argument, ...]:
    (only,) = argument
    return (Argument(only.name, only.tag, only.low, only.high, only.choices, optional=True),)


def parameter(path: str, does: str, argument: tuple[Argument, ...], name: str) -> Address:
    return Address(path, does, argument, SAME, name, setting=True, learn=VALUE)


def setting(path: str, does: str, argument: tuple[Argument, ...], **more) -> Address:
    return Address(path, does, argument, SAME, setting=True, **more)


def ask(path: str, does: str, reply: str = JSON, **more) -> Address:
    return Address(path, does, reply=reply, **more)


def button(path: str, does: str) -> Address:
    return Address(path, does, learn=TRIGGER)


def of_part(key: str, does: str, **more) -> Address:
    """A setting of the ensemble's own, with the range its file may have."""
    rule = PART_RULES[key]
    if hasattr(rule, "options"):
        argument = text(key, *rule.options)
    else:
        argument = whole(key, rule.low, rule.high)
    return setting(f"/ripieno/part/{{part}}/{key}", does, argument, **more)


def check(row: Address, values: list) -> tuple[Any, ...]:
    """The arguments as Python values, numbers as int or float by the row's tags. [any]

    Integers and floats stand in for each other where nothing is lost; so do true and false for 1
    and 0. WrongMessageError or OutOfRangeError name what is legal.
    """
    least = sum(not a.optional for a in row.arguments)
    if not least <= len(values) <= len(row.arguments):
        wanted = row.tags or "none"
        raise WrongMessageError(f"{row.path}: needs arguments {wanted}, got {len(values)}")
    return tuple(
        _checked(row.path, argument, value)
        for argument, value in zip(row.arguments, values, strict=False)
    )


def _checked(path: str, argument: Argument, value: Any) -> Any:
    if argument.tag == "s":
        if not isinstance(value, str):
            raise WrongMessageError(f"{path}: {argument.name} must be text")
        if argument.choices and value not in argument.choices:
            legal = ", ".join(argument.choices)
            raise OutOfRangeError(f"{path}: {argument.name} {value[:40]!r} is not one of {legal}")
        return value
    if not isinstance(value, (int, float)):
        raise WrongMessageError(f"{path}: {argument.name} must be a number")
    if not math.isfinite(value) or not argument.low <= value <= argument.high:
        raise OutOfRangeError(f"{path}: {argument.name} {value:g} is outside {argument.range_text}")
    if argument.tag == "f":
        return float(value)
    if value != int(value):
        raise OutOfRangeError(f"{path}: {argument.name} {value:g} is not a whole number")
    return int(value)
