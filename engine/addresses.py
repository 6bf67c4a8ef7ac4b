"""THE table of OSC addresses the engine answers to and sends: one row an address.

`engine.control` obeys it, `engine/CONTROL.md` is printed from it, tests hold all three together.
A row that changes a setting follows one rule: with its argument it sets, without it answers.
`{part}` stands for a part's number, 1 to 16, in score order. Pure data and pure functions. [any]
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from engine.errors import RipienoError

PROTOCOL = 1
DEFAULT_PORT = 57140
PARTS = 16


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
    """One row: `parameter` names the engine's parameter when the row is a plain setting."""

    path: str
    does: str
    arguments: tuple[Argument, ...] = ()
    reply: str = ""
    parameter: str = ""

    @property
    def per_part(self) -> bool:
        return "{part}" in self.path

    @property
    def tags(self) -> str:
        return "".join(f"[{a.tag}]" if a.optional else a.tag for a in self.arguments)


def _number(name: str, low: float, high: float) -> tuple[Argument, ...]:
    return (Argument(name, "f", low, high),)


def _switch(name: str) -> tuple[Argument, ...]:
    return (Argument(name, "i", 0, 1),)


def _choice(name: str, *choices: str) -> tuple[Argument, ...]:
    return (Argument(name, "s", choices=choices),)


CHORD_MODES = ("wait", "settle")
ASSIGNERS = ("network", "zones", "closest")
CONTROLS = ("ensemble", "player")
TOPICS = ("statistics", "events", "state")
LEASE_S = 10.0
LEASE_RANGE_S = (1.0, 60.0)

SAME = "its value"

RECEIVED: tuple[Address, ...] = (
    Address(
        "/ripieno/version", "which program, which version of this table", reply="s version, i table"
    ),
    Address("/ripieno/ensembles", "the ensembles there are", reply="s id, once for each"),
    Address(
        "/ripieno/ensemble",
        "play with this ensemble from now on; sounding notes ring out",
        (Argument("id", "s"),),
        SAME,
    ),
    Address(
        "/ripieno/chord_window",
        "how long a chord may wait for its last note, ms",
        _number("ms", 0, 45),
        SAME,
        "chord_window_ms",
    ),
    Address(
        "/ripieno/chord_mode",
        "wait: sound when the chord is complete; settle: sound at once, then move by a short fade",
        _choice("mode", *CHORD_MODES),
        SAME,
        "chord_mode",
    ),
    Address(
        "/ripieno/assigner",
        "who gives a note its part: the network, fixed zones, or the part that played closest",
        _choice("name", *ASSIGNERS),
        SAME,
        "assigner",
    ),
    Address(
        "/ripieno/control",
        "who has the floor: take it (player) or hand it over (ensemble)",
        _choice("who", *CONTROLS),
        SAME,
        "control",
    ),
    Address(
        "/ripieno/tempo",
        "tempo, quarter notes a minute",
        _number("bpm", 20, 400),
        SAME,
        "tempo_bpm",
    ),
    Address(
        "/ripieno/master/gain",
        "level of the master, dB; -60 is silent",
        _number("db", -60, 12),
        SAME,
        "master_gain_db",
    ),
    Address(
        "/ripieno/panic_cc",
        "the MIDI controller that means panic; -1 for none",
        (Argument("controller", "i", -1, 127),),
        SAME,
        "panic_cc",
    ),
    Address(
        "/ripieno/part/{part}/gain",
        "level of a part, dB; -60 is silent",
        _number("db", -60, 12),
        SAME,
        "gain_db",
    ),
    Address(
        "/ripieno/part/{part}/pan",
        "place of a part, left to right",
        _number("pan", -1, 1),
        SAME,
        "pan",
    ),
    Address("/ripieno/part/{part}/mute", "silence a part", _switch("mute"), SAME, "mute"),
    Address(
        "/ripieno/part/{part}/solo",
        "hear only the parts with solo on",
        _switch("solo"),
        SAME,
        "solo",
    ),
    Address(
        "/ripieno/part/{part}/reverb",
        "how much of a part goes to the reverb",
        _number("send", 0, 1),
        SAME,
        "reverb_send",
    ),
    Address(
        "/ripieno/part/{part}/chorus",
        "how much of a part goes to the chorus",
        _number("send", 0, 1),
        SAME,
        "chorus_send",
    ),
    Address("/ripieno/panic", "silence every note on every part and port, now"),
    Address("/ripieno/statistics/reset", "count xruns, delays and loads from zero again"),
    Address(
        "/ripieno/state",
        "everything that can be set, the parts, device, inputs and recorder",
        reply="s JSON",
    ),
    Address(
        "/ripieno/statistics",
        "xruns, delays, callback load, voices, levels, notes sounding",
        reply="s JSON",
    ),
    Address("/ripieno/recorder", "what is being recorded, where, how long", reply="s JSON"),
    Address(
        "/ripieno/subscribe",
        "send me statistics (10 a second), events (as they sound) or state (when it changes) "
        f"until the lease ends ({LEASE_S:g} s if not given); subscribe again to renew",
        (
            Argument("topic", "s", choices=TOPICS),
            Argument("lease_s", "f", *LEASE_RANGE_S, optional=True),
        ),
        "/ripieno/subscribed s topic, f lease_s",
    ),
    Address(
        "/ripieno/unsubscribe",
        "stop sending me this",
        (Argument("topic", "s", choices=TOPICS),),
        "/ripieno/unsubscribed s topic",
    ),
    Address("/ripieno/quit", "end the recording, fade out and leave"),
)


@dataclass(frozen=True)
class Sent:
    """One row of what the engine sends of its own accord, and to whom."""

    path: str
    tags: str
    arguments: str
    to: str
    does: str


SENT: tuple[Sent, ...] = (
    Sent(
        "/ripieno/note_on",
        "iiiifsfh",
        "note, part, pitch, velocity, confidence, how, delay_ms, frame",
        "events",
        "a note sounds; how is network, zones, closest or direct",
    ),
    Sent(
        "/ripieno/note_off",
        "iiiih",
        "note, part, pitch, velocity, frame",
        "events",
        "its key came up",
    ),
    Sent(
        "/ripieno/note_moved",
        "iiiih",
        "note, part, from_part, pitch, frame",
        "events",
        "settle mode: the note sounds in another part now",
    ),
    Sent("/ripieno/panicked", "h", "frame", "events", "everything was silenced"),
    Sent(
        "/ripieno/events_lost",
        "i",
        "count",
        "events",
        "more notes than can be sent; this many were left out",
    ),
    Sent("/ripieno/statistics", "s", "JSON", "statistics", "as /ripieno/statistics answers"),
    Sent("/ripieno/state", "s", "JSON", "state", "as /ripieno/state answers, after a change"),
    Sent("/ripieno/said", "s", "sentence", "state", "what a player should know, in one sentence"),
    Sent(
        "/ripieno/error",
        "s",
        "sentence",
        "the sender",
        "why a message was dropped, in one sentence",
    ),
)

_EXACT = {row.path: row for row in RECEIVED if not row.per_part}
_LAST = {row.path.rsplit("/", 1)[1]: row for row in RECEIVED if row.per_part}


def find(path: str) -> tuple[Address, int | None]:
    """The row for `path` and the index of its part, from 0; raises WrongMessageError. [any]"""
    if path in _EXACT:
        return _EXACT[path], None
    pieces = path.split("/")
    if len(pieces) == 5 and pieces[:3] == ["", "ripieno", "part"] and pieces[4] in _LAST:
        number = pieces[3]
        if not (number.isascii() and number.isdigit() and len(number) <= 6):
            raise WrongMessageError(f"{path[:80]}: a part is a number from 1 to {PARTS}")
        if not 1 <= int(number) <= PARTS:
            raise OutOfRangeError(f"{path}: part {int(number)} is outside 1 .. {PARTS}")
        return _LAST[pieces[4]], int(number) - 1
    raise WrongMessageError(f"{path[:80]!r} is no address of this table (see engine/CONTROL.md)")


def check(row: Address, values: list) -> tuple[Any, ...]:
    """`values` as the types of the row; raises WrongMessageError or OutOfRangeError. [any]"""
    least = sum(not argument.optional for argument in row.arguments)
    if not least <= len(values) <= len(row.arguments):
        wanted = row.tags or "none"
        raise WrongMessageError(f"{row.path}: {len(values)} arguments given, wanted {wanted}")
    return tuple(_check_one(row.path, a, v) for a, v in zip(row.arguments, values, strict=False))


def _check_one(path: str, argument: Argument, value: object) -> float | int | str:
    if argument.tag == "s":
        if not isinstance(value, str):
            raise WrongMessageError(f"{path}: {argument.name} must be a string")
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


def markdown() -> str:
    """Both tables as CONTROL.md prints them. [any]"""
    lines = ["| address | types | arguments | range | what it does | answer |", "|" + "---|" * 6]
    for row in RECEIVED:
        names = ", ".join(a.name for a in row.arguments)
        ranges = ", ".join(a.range_text for a in row.arguments)
        lines.append(
            f"| `{row.path}` | {row.tags} | {names} | {ranges} | {row.does} | {row.reply} |"
        )
    lines += ["", "| address | types | arguments | sent to | when |", "|" + "---|" * 5]
    for out in SENT:
        lines.append(f"| `{out.path}` | {out.tags} | {out.arguments} | {out.to} | {out.does} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(markdown(), end="")
