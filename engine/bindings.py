"""One learned control: which movement of the player's moves which address, and over what range.

A `Binding` is what a rig file holds; it is valid if it exists. The arithmetic between a control's
way (0 to 1) and an address's values is here too, as pure functions. [any]
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from engine import addresses
from engine.address_row import JUMP, MODES, PICKUP, RELATIVE
from engine.errors import RipienoError
from engine.rt.learned import BEND, NOTES, PRESSURE, PROGRAMS

CONTROLLER, NOTE, PROGRAM, BEND_WHEEL, CHANNEL_PRESSURE = (
    "controller",
    "note",
    "program",
    "bend",
    "pressure",
)
KINDS = {0xB0: CONTROLLER, 0x90: NOTE, 0xC0: PROGRAM, 0xE0: BEND_WHEEL, 0xD0: CHANNEL_PRESSURE}
NUMBERED = (CONTROLLER, NOTE, PROGRAM)
RESERVED = {
    0: "it selects banks",
    32: "it selects banks",
    64: "it is the sustain pedal, which belongs to the notes",
}
FIRST_MODE_CONTROLLER = 120
KEYS = ("address", "by", "channel", "number", "mode", "low", "high", "curve", "through")


class BindingError(RipienoError):
    """A control that cannot be learned, or an address nothing can be learned for."""


@dataclass(frozen=True)
class Binding:
    """`number` is the controller's, key's or program's; None ends are those of the address."""

    address: str
    by: str = CONTROLLER
    channel: int = 1  # 1..16
    number: int = 0
    mode: str = PICKUP
    low: float | None = None
    high: float | None = None
    curve: float = 1.0
    through: bool = False

    def __post_init__(self) -> None:
        row = learnable(self.address)
        for name, value, legal in (
            ("by", self.by, tuple(KINDS.values())),
            ("mode", self.mode, MODES),
            ("through", self.through, (False, True)),
        ):
            if value not in legal:
                raise BindingError(
                    f"{name} = {value!r} must be one of {', '.join(map(str, legal))}"
                )
        for name, value, low, high in (
            ("channel", self.channel, 1, 16),
            ("number", self.number, 0, 127),
        ):
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise BindingError(f"{name} = {value!r} must be a whole number, {low} to {high}")
        _check_number("curve", self.curve, 0.1, 10.0)
        if self.by == CONTROLLER and (reason := why_not(self.number)):
            raise BindingError(reason)
        if row.learn == addresses.VALUE:
            self._check_range(row)
            if self.by == PROGRAM or (self.by == NOTE and steps(row) == 0):
                raise BindingError(
                    f"{self.address} is a fader, and a {self.by} has only one position: move a "
                    "controller, a wheel or press the keys harder"
                )

    def _check_range(self, row: addresses.Address) -> None:
        argument = row.arguments[-1]
        for name in ("low", "high"):
            value = getattr(self, name)
            if value is not None and argument.choices:
                raise BindingError(f"{name} = {value!r}: {self.address} takes words, not a range")
            if value is not None:
                _check_number(name, value, argument.low, argument.high)
        low, high = ends(self, row)
        if low == high:
            raise BindingError(f"low = {low:g} and high = {high:g} must differ")

    @property
    def place(self) -> int:
        """Its place in a channel's row of the callback's `taken`. [any]"""
        if self.by == CONTROLLER:
            return self.number
        if self.by == NOTE:
            return NOTES + self.number
        return {BEND_WHEEL: BEND, CHANNEL_PRESSURE: PRESSURE, PROGRAM: PROGRAMS}[self.by]

    @property
    def control(self) -> tuple[str, int, int]:
        """Kind, channel and number: what distinguishes one control from another. [any]"""
        return self.by, self.channel, self.number if self.by in NUMBERED else 0

    @property
    def text(self) -> str:
        """A few words for the player. [any]"""
        number = f" {self.number}" if self.by in NUMBERED else ""
        return f"{self.by}{number} of channel {self.channel}"

    def table(self) -> dict[str, Any]:
        """The keys that differ from the usual, for a file or JSON. [any]"""
        fields = dataclasses.fields(self)
        always = ("address", "by", "channel", *(("number",) if self.by in NUMBERED else ()))
        return {
            field.name: getattr(self, field.name)
            for field in fields
            if field.name in always or getattr(self, field.name) != field.default
        }

    @classmethod
    def of(cls, table: Any) -> Binding:
        """The binding a table describes; BindingError names the key, the value, what is legal."""
        if not isinstance(table, dict):
            raise BindingError(f"a learned control must be a table, got {str(table)[:60]!r}")
        for key in table:
            if key not in KEYS:
                raise BindingError(f"unknown key {key!r}, legal are {', '.join(KEYS)}")
        if "address" not in table:
            raise BindingError('the key "address" is missing')
        return cls(**table)


def learnable(address: Any) -> addresses.Address:
    """The row of an address a control may be given to. BindingError if it is none. [any]"""
    if not isinstance(address, str):
        raise BindingError(f"address = {address!r} must be text")
    try:
        row, _ = addresses.find(address)
    except RipienoError as error:
        raise BindingError(str(error)) from None
    if not row.learn:
        raise BindingError(
            f"{address} cannot be learned: it is neither a fader, a switch nor a button"
        )
    return row


def why_not(controller: int) -> str:
    """Why a controller is never learned, in a sentence; "" if it may be. [any]"""
    if controller in RESERVED:
        return f"controller {controller} is never learned: {RESERVED[controller]}"
    if controller >= FIRST_MODE_CONTROLLER:
        return (
            f"controller {controller} is never learned: 120 to 127 end notes and set a "
            "keyboard's mode"
        )
    return ""


def usual_mode(by: str) -> str:
    """Wheels that spring back and pressure cannot be picked up. [any]"""
    return JUMP if by in (BEND_WHEEL, CHANNEL_PRESSURE) else PICKUP


def steps(row: addresses.Address) -> int:
    """How many values a switch or a choice has; 0 for a fader. [any]"""
    argument = row.arguments[-1]
    if argument.choices:
        return len(argument.choices)
    return 2 if argument.tag == "i" and (argument.low, argument.high) == (0, 1) else 0


def ends(binding: Binding, row: addresses.Address) -> tuple[float, float]:
    """The values at the two ends of the control's way. [any]"""
    argument = row.arguments[-1]
    if argument.choices:
        return 0.0, float(len(argument.choices) - 1)
    low = argument.low if binding.low is None else binding.low
    return float(low), float(argument.high if binding.high is None else binding.high)


def value_at(binding: Binding, row: addresses.Address, way: float) -> float | int | str:
    """What an address is set to when its control stands at `way`, 0 to 1. [any]"""
    low, high = ends(binding, row)
    argument = row.arguments[-1]
    if steps(row) == 2:
        value = high if way >= 0.5 else low
    else:
        share = min(max(way, 0.0), 1.0) ** binding.curve
        value = sorted((low, (1.0 - share) * low + share * high, high))[1]  # never a hair outside
    if argument.choices:
        return argument.choices[round(value)]
    return round(value) if argument.tag == "i" else value


def way_of(binding: Binding, row: addresses.Address, value: float | str) -> float:
    """Where the control would stand for this value, 0 to 1. [any]"""
    low, high = ends(binding, row)
    argument = row.arguments[-1]
    number = argument.choices.index(value) if isinstance(value, str) else float(value)
    share = min(max((number - low) / (high - low), 0.0), 1.0)
    return share ** (1.0 / binding.curve)


def moved_by(mode: str, data: int) -> int:
    """What an endless knob's data means, in steps: 1 to 63 up, 127 to 64 down. [any]"""
    return (data if data < 64 else data - 128) if mode == RELATIVE else 0


def _check_number(name: str, value: Any, low: float, high: float) -> None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not good or not low <= value <= high:
        raise BindingError(f"{name} = {value!r} must be a number from {low:g} to {high:g}")
