"""MIDI learn: the player's controllers move whatever the address table lets them move.

The session owns one; its pump feeds it what the callback reported of the player's controls, and
remotes ask it to learn, forget and change. A control that was learned no longer reaches the parts,
unless it is let `through`. What is set goes through the same door as an OSC message. [any]
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine import addresses
from engine.address_row import LEARN_FROM, PICKUP, RELATIVE
from engine.bindings import (
    BEND_WHEEL,
    CHANNEL_PRESSURE,
    CONTROLLER,
    KINDS,
    NOTE,
    NUMBERED,
    PROGRAM,
    Binding,
    BindingError,
    learnable,
    moved_by,
    steps,
    usual_mode,
    value_at,
    way_of,
)
from engine.errors import RipienoError
from engine.rt.layout import FILE_SOURCE, PLAYED

PATIENCE_S = 60.0  # an address waits so long for its control
MOST_BINDINGS = 256
NEAR = 2.0 / 127.0  # a control this close to the value has it
CLICKS_A_WORD = 4  # of an endless knob, from one word of a choice to the next
DELIBERATE = 0.25  # how far a wheel or pressure must go to be meant


@dataclass
class _Live:
    """A binding at work: where its control was, and what it last set."""

    binding: Binding
    row: addresses.Address
    way: float | None = None  # where the control stands; None: not moved yet
    turned: float | None = None  # the same for an endless knob, in fractions of its clicks
    set_to: float | int | str | None = None
    caught: bool = False


@dataclass(frozen=True)
class Moved:
    """A message of the player's as a control's movement; `way` 0 to 1, `data` as it came."""

    by: str
    channel: int
    number: int
    way: float
    data: int

    @property
    def control(self) -> tuple[str, int, int]:
        return self.by, self.channel, self.number if self.by in NUMBERED else 0


class Learn:
    """All learned controls of a session. `set_value` and `value_of` reach the addresses."""

    def __init__(
        self,
        engine: Any,
        set_value: Callable[..., None],
        value_of: Callable[[str], float | int | str],
        say: Callable[[str], None] = lambda sentence: None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._engine = engine
        self._set_value = set_value
        self._value_of = value_of
        self._say = say
        self._changed = changed
        self._lock = threading.RLock()
        self._live: tuple[_Live, ...] = ()
        self._taken: set[tuple[int, int]] = set()
        self._armed = ""
        self._armed_notes = False
        self._armed_until_s = 0.0
        self._refused: set[int] = set()
        self._failed = ""

    # ---- what remotes ask ------------------------------------------------------------------

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """What has been learned, oldest first. [any]"""
        return tuple(live.binding for live in self._live)

    def learn(self, address: str, source: str = LEARN_FROM[0]) -> None:
        """Give `address` to the next control that is moved. BindingError if it takes none. [any]"""
        row = learnable(address)
        notes = source == LEARN_FROM[1]
        if notes and row.learn == addresses.VALUE and steps(row) == 0:
            raise BindingError(f"{address} is a fader: a key cannot move it, a controller can")
        with self._lock:
            self._armed, self._armed_notes, self._refused = address, notes, set()
            self._armed_until_s = time.monotonic() + PATIENCE_S
            self._engine.learn_notes(notes)
        self._changed()

    def cancel(self) -> None:
        """Wait for no control any more. [any]"""
        with self._lock:
            if self._armed_notes:
                self._engine.learn_notes(False)
            self._armed, self._armed_notes = "", False
        self._changed()

    def bind(self, binding: Binding) -> None:
        """Add a binding, instead of the one of the same control and address if any. [any]"""
        with self._lock:
            others = [b for b in self.bindings if not _same(b, binding)]
            self.replace([*others, binding])

    def forget(self, address: str) -> None:
        """Free an address from its controls; BindingError if it has none. [any]"""
        with self._lock:
            left = [b for b in self.bindings if b.address != address]
            if len(left) == len(self._live):
                raise BindingError(f"nothing has been learned for {address[:80]}")
            self.replace(left)

    def change(self, address: str, **changes: Any) -> None:
        """Change mode, range, curve or through of all bindings of an address. [any]"""
        with self._lock:
            changed = [
                dataclasses.replace(b, **changes) if b.address == address else b
                for b in self.bindings
            ]
            if not any(b.address == address for b in changed):
                raise BindingError(f"nothing has been learned for {address[:80]}")
            self.replace(changed)

    def replace(self, bindings: Iterable[Binding]) -> None:
        """Have exactly these bindings, as when a rig is loaded. [any]"""
        with self._lock:
            wanted = tuple(bindings)
            if len(wanted) > MOST_BINDINGS:
                raise BindingError(f"{len(wanted)} learned controls, there may be {MOST_BINDINGS}")
            kept = {live.binding: live for live in self._live}
            self._live = tuple(kept.get(b) or _Live(b, learnable(b.address)) for b in wanted)
            taken = {(b.channel - 1, b.place) for b in wanted if not b.through}
            for channel, place in self._taken - taken:
                self._engine.take_control(channel, place, False)
            for channel, place in taken - self._taken:
                self._engine.take_control(channel, place, True)
            self._taken = taken
        self._changed()

    def state(self) -> dict[str, Any]:
        """What waits to be learned and what has been, ready for JSON. [any]"""
        return {
            "waiting": self._armed,
            "waiting_for": LEARN_FROM[int(self._armed_notes)] if self._armed else "",
            "bindings": [
                {
                    **dataclasses.asdict(live.binding),
                    "text": live.binding.text,
                    "position": live.way if live.turned is None else live.turned,
                    "caught": live.caught or live.binding.mode != PICKUP,
                }
                for live in self._live
            ],
        }

    # ---- what the pump brings --------------------------------------------------------------

    def tend(self) -> None:
        """Give up waiting for a control that does not come. [main]"""
        if self._armed and time.monotonic() > self._armed_until_s:
            self._say(f"No control was moved for {self._armed}: nothing is learned.")
            self.cancel()

    def feed(self, results: np.ndarray) -> list[Moved]:
        """Act on the player's controls among the results; program changes nobody learned. [main]"""
        unclaimed = []
        for record in results[results["kind"] == PLAYED].tolist():
            if record[1] == FILE_SOURCE:
                continue
            moved = movement(*record[6:9])
            if self._armed and self._try_to_learn(moved):
                continue
            used = [live for live in self._live if live.binding.control == moved.control]
            for live in used:
                self._act(live, moved)
            if moved.by == PROGRAM and not used:
                unclaimed.append(moved)
        return unclaimed

    def _try_to_learn(self, moved: Moved) -> bool:
        if self._armed_notes != (moved.by == NOTE) or not self._meant(moved):
            return False
        with self._lock:
            address = self._armed
            if not address:
                return False
            try:
                binding = Binding(
                    address, moved.by, moved.channel, moved.control[2], usual_mode(moved.by)
                )
            except BindingError as error:
                if moved.number not in self._refused:
                    self._refused.add(moved.number)
                    self._say(f"{str(error)[0].upper()}{str(error)[1:]}; move another.")
                return True
            self.cancel()
            self.bind(binding)
        self._say(f"Learned: {binding.text} moves {address}.")
        return True

    def _meant(self, moved: Moved) -> bool:
        if moved.by == BEND_WHEEL:
            return abs(moved.way - 0.5) >= DELIBERATE
        if moved.by == CHANNEL_PRESSURE:
            return moved.way >= DELIBERATE
        if moved.by == CONTROLLER and moved.number == int(self._engine.get("panic_cc")):
            if moved.number not in self._refused:
                self._refused.add(moved.number)
                self._say(f"Controller {moved.number} is the panic button; move another.")
            return False
        return True

    def _act(self, live: _Live, moved: Moved) -> None:
        before, live.way = live.way, moved.way
        binding, row = live.binding, live.row
        try:
            if row.learn == addresses.TRIGGER:
                if moved.by in (NOTE, PROGRAM) or _pressed(before or 0.0, moved.way):
                    self._set_value(binding.address)
            elif moved.by == NOTE:
                self._step(live)
            elif binding.mode == RELATIVE:
                self._turn(live, moved_by(RELATIVE, moved.data))
            elif binding.mode != PICKUP or steps(row) or self._picked_up(live, before):
                self._set(live, value_at(binding, row, moved.way))
            self._failed = ""
        except (RipienoError, ValueError) as error:
            if str(error) != self._failed:  # once, not for every step of a fader
                self._failed = str(error)
                self._say(f"{binding.text}: {error}.")

    def _set(self, live: _Live, value: float | int | str) -> None:
        if value != live.set_to or value != self._value_of(live.binding.address):
            self._set_value(live.binding.address, value)
            live.set_to = value

    def _step(self, live: _Live) -> None:
        """A key turns a switch over, or a choice to its next word."""
        argument = live.row.arguments[-1]
        value = self._value_of(live.binding.address)
        if isinstance(value, str):
            place = argument.choices.index(value) + 1
            self._set(live, argument.choices[place % len(argument.choices)])
        else:
            self._set(live, int(not value))

    def _turn(self, live: _Live, clicks: int) -> None:
        """An endless knob moves the value from where it is."""
        value = self._value_of(live.binding.address)
        if live.turned is None or live.set_to is None or not _close(value, live.set_to):
            live.turned = way_of(live.binding, live.row, value)
        click = 1.0 / (CLICKS_A_WORD * (steps(live.row) - 1)) if steps(live.row) else 1.0 / 127.0
        live.turned = min(max(live.turned + clicks * click, 0.0), 1.0)
        self._set(live, value_at(live.binding, live.row, live.turned))

    def _picked_up(self, live: _Live, before: float | None) -> bool:
        """Whether the control has the value in its hand: it met or passed it, nobody else moved."""
        way = live.way or 0.0
        value = self._value_of(live.binding.address)
        if live.caught and live.set_to is not None and _close(value, live.set_to):
            return True
        at = way_of(live.binding, live.row, value)
        crossed = before is not None and min(before, way) <= at <= max(before, way)
        live.caught = crossed or abs(way - at) <= NEAR
        return live.caught


def movement(status: int, data1: int, data2: int) -> Moved:
    """A channel message of the player's as a movement. [any]"""
    by, channel = KINDS[status & 0xF0], (status & 0x0F) + 1
    if by == BEND_WHEEL:
        return Moved(by, channel, 0, (data1 | data2 << 7) / 16383.0, data2)
    if by == CHANNEL_PRESSURE:
        return Moved(by, channel, 0, data1 / 127.0, data1)
    if by == PROGRAM:
        return Moved(by, channel, data1, 1.0, data1)
    return Moved(by, channel, data1, data2 / 127.0, data2)


def _pressed(before: float, way: float) -> bool:
    """Whether a pedal or button went down; some send nothing when they come up. [any]"""
    return way >= 0.5 > before or way == before == 1.0


def _same(one: Binding, other: Binding) -> bool:
    return one.address == other.address and one.control == other.control


def _close(one: float | str, other: float | str) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return abs(one - other) <= 1e-4 * max(1.0, abs(one))
