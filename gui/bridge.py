"""The one thing of the window that talks to the engine. Everything runs on the window's thread.

Once a frame of the screen it takes what came, moves the mirror, sends what the player's hands
changed since (the last value of each address only), and lets the mirror tell its listeners.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

from PyQt6 import sip
from PyQt6.QtCore import QObject, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QGuiApplication

from engine import addresses
from engine.errors import RipienoError
from gui.client import GONE, Client
from gui.mirror.mirror import Mirror
from gui.questions import Answered, Failed, Questions

FASTEST_HZ, SLOWEST_HZ = 60.0, 30.0
ASK_AGAIN_S = 1.0  # what was not answered: the question or the answer may have been lost


def belongs_to_the_dead(listener: Any) -> bool:
    """Whether a widget that listens has been destroyed by Qt. [main]

    It is the object of a method, the `owner`, or one that a lambda knows. Asked before each call: a
    slot in Python on `destroyed` may be run after it was collected.
    """
    owners = [getattr(listener, "__self__", None), getattr(listener, "owner", None)]
    for cell in getattr(listener, "__closure__", None) or ():
        with contextlib.suppress(ValueError):  # not filled yet
            owners.append(cell.cell_contents)
    return any(isinstance(each, sip.simplewrapper) and sip.isdeleted(each) for each in owners)


def while_it_lives(call: Callable[..., Any]) -> Callable[..., None]:
    """The same call, but nothing once the widget it belongs to is gone. [main]"""

    def called(*values: Any) -> None:
        if not belongs_to_the_dead(call):
            call(*values)

    return called


class Bridge(QObject):
    """Mirror and engine, kept alike. `frame` comes after each round, for what moves by itself."""

    frame = pyqtSignal(float)  # time.monotonic()
    complained = pyqtSignal(str)  # one sentence: something could not be done
    moved = pyqtSignal(int)  # the engine answers at another port

    def __init__(
        self, port: int = addresses.DEFAULT_PORT, mirror: Mirror | None = None, parent: Any = None
    ) -> None:
        super().__init__(parent)
        self.mirror = mirror or Mirror()
        self.mirror.is_gone = belongs_to_the_dead
        self.client = Client(port)
        self.questions = Questions(self._send)
        self._to_send: dict[str, tuple[Any, ...]] = {}
        self._asked_again_s = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.round)

    def start(self) -> None:
        """Begin: the thread listens, and each frame does its round. [main]"""
        self.client.start()
        screen = QGuiApplication.primaryScreen()
        rate_hz = screen.refreshRate() if screen else FASTEST_HZ
        self._timer.start(round(1000.0 / min(FASTEST_HZ, max(SLOWEST_HZ, rate_hz))))

    def close(self) -> None:
        """Say goodbye to the engine, which plays on; idempotent. [main]"""
        self._timer.stop()
        self._flush()
        self.client.close()

    def follow(self, port: int) -> None:
        """The engine answers at this port from now on. [main]"""
        if port == self.client.port:
            return
        left, self.client = self.client, Client(port)
        self.client.greet(time.monotonic())
        self.client.start()
        left.close()
        self.moved.emit(port)

    # ---- what the window wants -------------------------------------------------------------

    def set(self, address: str, value: Any) -> None:
        """Set a setting: shown at once, sent with the next frame. [main]"""
        row, _ = addresses.find(address)
        (value,) = addresses.check(row, [value])
        self.mirror.set_here(address, value, time.monotonic())
        self._to_send[address] = (value,)

    def act(self, path: str, *values: Any) -> None:
        """Do something now: panic, tap, next ... [main]"""
        self._flush()
        self._send(path, *values)

    def ask(
        self,
        path: str,
        *values: Any,
        then: Answered = lambda *_: None,
        failed: Failed | None = None,
    ) -> None:
        """Ask, or do what takes its time; `then` gets the answer's values, later. [main]"""
        row, _ = addresses.find(path)
        harmless = not values and (row.setting or bool(row.reply)) and not row.slow
        done = while_it_lives(then)
        fail = while_it_lives(failed) if failed else self.complained.emit
        self.questions.ask(time.monotonic(), path, values, done, fail, harmless)

    # ---- once a frame ----------------------------------------------------------------------

    def round(self) -> None:
        """Take what came, send what changed, tell who listens. [main]"""
        now_s = time.monotonic()
        for arrival in self.client.drain():
            answers = self.questions.take(arrival.path, arrival.values)
            if arrival.path == "/ripieno/osc_port":
                self.follow(int(arrival.values[0]))
            if arrival.path == "/ripieno/error":
                if not answers:
                    self.complained.emit(str(arrival.values[0]))
            else:
                self._mirror(arrival.path, arrival.values, arrival.at_s)
        self.mirror.set_connection(self.client.state(now_s))
        self.questions.tend(now_s)
        self._ask_for_sections(now_s)
        self._flush()
        self.mirror.notify(now_s)
        self.frame.emit(now_s)

    def _mirror(self, path: str, values: tuple[Any, ...], at_s: float) -> None:
        try:
            self.mirror.take(path, values, at_s)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            self.complained.emit(f"The engine sent a {path} this window does not know ({error}).")

    def _ask_for_sections(self, now_s: float) -> None:
        if self.mirror.connection == GONE:
            self.mirror.ask_again()
            return
        if now_s - self._asked_again_s >= ASK_AGAIN_S:
            self._asked_again_s = now_s
            self.mirror.ask_again()
        for section in self.mirror.take_due():
            self._send("/ripieno/state", section)

    def _flush(self) -> None:
        waiting, self._to_send = self._to_send, {}
        for address, values in waiting.items():
            self._send(address, *values)

    def _send(self, path: str, *values: Any) -> None:
        try:
            self.client.send(path, *values)
        except RipienoError as error:
            self.complained.emit(f"{error}.")
