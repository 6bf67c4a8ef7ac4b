"""The engine's other end of the line, without Qt: a socket, and one thread that reads it.

`gui.bridge` owns one. The thread renews the leases, notices silence, decodes, puts long answers
together and reads their JSON; the window takes what came once a frame. Nothing here ever blocks
the caller: what cannot be sent is lost, as UDP may lose it, and the engine says what holds.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from engine import addresses
from engine.address_row import TOPICS
from engine.errors import RipienoError
from engine.osc import Assembler, OscError, decode, encode

SELDOM = ("state", "attention")  # all of the state is asked once, attention by who shows it
WANTED = tuple(topic for topic in TOPICS if topic not in SELDOM)
LEASE_S = 10.0
RENEW_S = 3.0
KNOCK_S = 0.25  # how often a silent engine is asked whether it is there
SLOW_S = 0.8  # statistics come ten times a second
GONE_S = 3.0
STATE_AGAIN_S = 1.5
MOST_WAITING = 20000  # messages; a window that hung for minutes starts from the state again
JSON_ANSWERS = ("{", "[")

LOOKING, CONNECTED, SLOW, GONE = "looking", "connected", "slow", "gone"


@dataclass(frozen=True)
class Arrival:
    """One message of the engine's; the text of JSON answers is read already."""

    at_s: float  # time.monotonic() when it came
    path: str
    values: tuple[Any, ...]


class Client:
    """Talks to the engine at `port`. `start` begins, `close` ends; both by the owner. [main]"""

    def __init__(self, port: int = addresses.DEFAULT_PORT, host: str = "127.0.0.1") -> None:
        if not 1 <= port <= 65535:
            raise RipienoError(f"the engine's port {port} is outside 1 .. 65535")
        self.host, self.port = host, port
        self.heard_s = -GONE_S  # when the engine was last heard
        self.refused = False  # the system said that nobody listens there
        self.met = False  # the whole state has come at least once
        self._waiting: deque[Arrival] = deque(maxlen=MOST_WAITING)
        self._assembler = Assembler()
        self._closing = threading.Event()
        self._silent = True
        self._renewed_s = self._knocked_s = self._state_asked_s = -1e9
        self._state_due = True
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.connect((host, port))
        self._socket.settimeout(0.05)
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        """Begin to listen. [main]"""
        self._thread.start()

    def greet(self, now_s: float) -> None:
        """The engine is known, and has just been heard elsewhere. Before `start`. [main]"""
        self.met, self.heard_s = True, now_s

    def close(self) -> None:
        """End the leases and stop listening; idempotent. [main]"""
        if self._closing.is_set():
            return
        for topic in WANTED:
            self.send("/ripieno/unsubscribe", topic)
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(1.0)
        self._socket.close()

    def state(self, now_s: float | None = None) -> str:
        """LOOKING, CONNECTED, SLOW or GONE. [any]"""
        silence_s = (time.monotonic() if now_s is None else now_s) - self.heard_s
        if not self.met:
            return LOOKING
        if self.refused or silence_s > GONE_S:
            return GONE
        return SLOW if silence_s > SLOW_S else CONNECTED

    def send(self, path: str, *values: Any) -> None:
        """Send one message, its values typed as the address table says. [any]

        RipienoError says what is wrong with it; a message that finds nobody is lost.
        """
        row, _ = addresses.find(path)
        if values or not row.setting:
            values = addresses.check(row, list(values))
        tags = [argument.tag for argument in row.arguments]
        self._send(encode(path, list(zip(tags, values, strict=False))))

    def drain(self) -> list[Arrival]:
        """Everything that came since the last time, oldest first. [main]"""
        arrivals = []
        with contextlib.suppress(IndexError):
            while True:
                arrivals.append(self._waiting.popleft())
        return arrivals

    def _send(self, packet: bytes) -> None:
        try:
            self._socket.send(packet)
        except ConnectionRefusedError:
            self.refused = True
        except OSError:
            pass  # no route, or the buffer is full: this one is lost

    # ---- the thread ------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closing.is_set():
            self._keep_in_touch(time.monotonic())
            try:
                packet = self._socket.recv(65507)
            except TimeoutError:
                continue
            except ConnectionRefusedError:
                self.refused = True
                self._closing.wait(0.02)
                continue
            except OSError:
                self._closing.wait(0.05)
                continue
            self._take(packet, time.monotonic())

    def _keep_in_touch(self, now_s: float) -> None:
        """Renew the leases; ask whether the engine is there while it is silent. [worker]"""
        silent = now_s - self.heard_s > SLOW_S or not self.met
        self._silent = self._silent or silent
        knock = silent and now_s - self._knocked_s >= KNOCK_S
        if knock or now_s - self._renewed_s >= RENEW_S:
            self._knocked_s = self._renewed_s = now_s
            for topic in WANTED:
                self._send(encode("/ripieno/subscribe", [("s", topic), ("f", LEASE_S)]))
        asked_long_ago = now_s - self._state_asked_s > STATE_AGAIN_S
        if self._state_due and (knock or not silent) and asked_long_ago:
            self._state_asked_s = now_s
            self._send(encode("/ripieno/state"))

    def _take(self, packet: bytes, now_s: float) -> None:
        try:
            messages = decode(packet)
        except OscError:
            return
        if self._silent:  # it was away, perhaps it is another one: begin with all of its state
            self._silent, self._state_due, self._state_asked_s = False, True, -1e9
        self.heard_s, self.refused = now_s, False
        for path, values in messages:
            if path == "/ripieno/chunk":
                whole = self._assembler.take(values)
                if whole is None:
                    continue
                path, values = whole[0], [whole[1]]
            values = [_read(value) for value in values]
            if path == "/ripieno/state" and values:
                self._state_came(values[0])
            self._waiting.append(Arrival(now_s, path, tuple(values)))

    def _state_came(self, state: Any) -> None:
        if isinstance(state, dict) and "parts" in state and "revision" in state:
            self.met, self._state_due = True, False


def _read(value: Any) -> Any:
    """JSON as what it says, everything else as it is."""
    if isinstance(value, str) and value.startswith(JSON_ANSWERS):
        with contextlib.suppress(ValueError):
            return json.loads(value)
    return value
