"""OSC on loopback: how the window, a remote or a script plays with the controls of a session.

One thread receives and answers; the session's pump calls `publish` for those who subscribed.
What may be said is the table in `engine.addresses`. Anything else is counted and dropped, and
where a sender can learn from it, answered in one sentence on /ripieno/error.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from pythonosc import osc_packet
from pythonosc.osc_message_builder import OscMessageBuilder

from engine import addresses
from engine.addresses import DEFAULT_PORT, Address, OutOfRangeError, WrongMessageError
from engine.errors import RipienoError

MAX_SUBSCRIBERS = 32
EVENTS_A_PUBLISH = 128
STATISTICS_PERIOD_S = 0.1
MAX_PACKET_BYTES = 65507
CHOICES = {
    "chord_mode": addresses.CHORD_MODES,
    "assigner": addresses.ASSIGNERS,
    "control": addresses.CONTROLS,
}

log = logging.getLogger(__name__)


class Target(Protocol):
    """What the control needs of a session; every method is [main] or [any] and thread-safe."""

    def version(self) -> str: ...
    def ensemble_ids(self) -> list[str]: ...
    def ensemble_id(self) -> str: ...
    def part_count(self) -> int: ...
    def set_ensemble(self, name: str) -> None: ...
    def set(self, name: str, value: float, part: int | None = None) -> None: ...
    def get(self, name: str, part: int | None = None) -> float: ...
    def panic(self) -> None: ...
    def reset_statistics(self) -> None: ...
    def state(self) -> dict[str, Any]: ...
    def statistics(self) -> dict[str, Any]: ...
    def recorder_state(self) -> dict[str, Any]: ...
    def quit(self) -> None: ...


@dataclass(frozen=True)
class Event:
    """One thing to tell the subscribers of `events`: an OSC address and its typed values."""

    path: str
    values: tuple[tuple[str, Any], ...]


@dataclass
class ControlCounts:
    """Packets and messages since the server started."""

    received: int = 0
    obeyed: int = 0
    malformed: int = 0
    refused: int = 0
    sent: int = 0
    send_failures: int = 0


@dataclass
class _Subscriber:
    ends_s: dict[str, float] = field(default_factory=dict)


def encode(path: str, values: Iterable[tuple[str, Any]] = ()) -> bytes:
    """One OSC message; `values` are (type tag, value). [any]"""
    builder = OscMessageBuilder(address=path)
    for tag, value in values:
        builder.add_arg(value, tag)
    return builder.build().dgram


def _as_json(content: dict[str, Any]) -> list[tuple[str, Any]]:
    return [("s", json.dumps(content))]


class Control:
    """The server. `port` 0 takes any free one; `self.port` says which. [main]"""

    def __init__(self, target: Target, port: int = DEFAULT_PORT) -> None:
        if not 0 <= port <= 65535:
            raise RipienoError(f"OSC port {port} is outside 0 .. 65535")
        self.target = target
        self.counts = ControlCounts()
        self._lock = threading.Lock()
        self._subscribers: dict[tuple[str, int], _Subscriber] = {}
        self._next_statistics_s = 0.0
        self._closing = False
        self._acts: dict[str, Callable[..., None]] = {
            "/ripieno/ensemble": target.set_ensemble,
            "/ripieno/panic": target.panic,
            "/ripieno/statistics/reset": target.reset_statistics,
            "/ripieno/quit": target.quit,
        }
        self._answers: dict[str, Callable[[], list[tuple[str, Any]]]] = {
            "/ripieno/version": lambda: [("s", target.version()), ("i", addresses.PROTOCOL)],
            "/ripieno/ensembles": lambda: [("s", name) for name in target.ensemble_ids()],
            "/ripieno/state": lambda: _as_json(target.state()),
            "/ripieno/statistics": lambda: _as_json(target.statistics()),
            "/ripieno/recorder": lambda: _as_json(target.recorder_state()),
        }
        self._leases: dict[str, Callable[..., None]] = {
            "/ripieno/subscribe": self._subscribe,
            "/ripieno/unsubscribe": self._unsubscribe,
        }
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind(("127.0.0.1", port))
        except OSError as error:
            self._socket.close()
            raise RipienoError(
                f"OSC port {port} on 127.0.0.1 is taken ({error.strerror}); "
                "choose another with --osc-port, or 0 for any free one"
            ) from error
        self._socket.settimeout(0.2)
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, name="osc", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering; idempotent. [main]"""
        if self._closing:
            return
        self._closing = True
        self._send(b"", ("127.0.0.1", self.port))  # wakes the thread
        if self._thread is not threading.current_thread():
            self._thread.join(2.0)
        self._socket.close()

    # ---- receiving: the osc thread -------------------------------------------------------

    def _serve(self) -> None:
        while not self._closing:
            try:
                packet, sender = self._socket.recvfrom(MAX_PACKET_BYTES)
            except TimeoutError:
                continue
            except OSError:
                if self._closing:
                    return
                continue  # an earlier answer found nobody: some systems report it here
            if not self._closing:
                self.handle(packet, sender)

    def handle(self, packet: bytes, sender: tuple[str, int]) -> None:
        """Obey one datagram, whatever is in it; never raises. [any]"""
        self.counts.received += 1
        try:
            messages = [timed.message for timed in osc_packet.OscPacket(packet).messages]
            contents = [(message.address, list(message.params)) for message in messages]
        except Exception:  # the parser raises many kinds on hostile bytes
            self.counts.malformed += 1
            return
        for path, values in contents:
            self._handle_message(path, values, sender)

    def _handle_message(self, path: str, values: list, sender: tuple[str, int]) -> None:
        try:
            row, part = addresses.find(path)
            if row.arguments and not values and row.reply == addresses.SAME:
                self._answer_value(row, path, part, sender)
            else:
                self._obey(row, path, part, addresses.check(row, values), sender)
            self.counts.obeyed += 1
        except WrongMessageError as error:
            self.counts.malformed += 1
            self._refuse(path, str(error), sender)
        except (RipienoError, ValueError) as error:
            self.counts.refused += 1
            self._refuse(path, str(error), sender)
        except Exception:
            self.counts.refused += 1
            log.exception("OSC %s failed", path[:80])
            self._refuse(path, f"{path[:80]} failed inside the engine; see its log", sender)

    def _refuse(self, path: str, sentence: str, sender: tuple[str, int]) -> None:
        if path != "/ripieno/error":  # never answer an answer
            self._send(encode("/ripieno/error", [("s", sentence)]), sender)

    def _answer_value(
        self, row: Address, path: str, part: int | None, sender: tuple[str, int]
    ) -> None:
        if not row.parameter:
            reply: tuple[str, Any] = ("s", self.target.ensemble_id())
        else:
            value = self.target.get(row.parameter, self._part(path, part))
            tag = row.arguments[0].tag
            if row.parameter in CHOICES:
                reply = (tag, CHOICES[row.parameter][int(value)])
            else:
                reply = (tag, int(value) if tag == "i" else float(value))
        self._send(encode(path, [reply]), sender)

    def _part(self, path: str, part: int | None) -> int | None:
        count = self.target.part_count()
        if part is not None and part >= count:
            raise OutOfRangeError(
                f"{path}: part {part + 1} is outside 1 .. {count} of this ensemble"
            )
        return part

    def _obey(
        self,
        row: Address,
        path: str,
        part: int | None,
        values: tuple[Any, ...],
        sender: tuple[str, int],
    ) -> None:
        if row.parameter:
            choices = CHOICES.get(row.parameter)
            value = choices.index(values[0]) if choices else values[0]
            self.target.set(row.parameter, float(value), self._part(path, part))
            return
        if row.path in self._acts:
            self._acts[row.path](*values)
        elif row.path in self._answers:
            self._send(encode(path, self._answers[row.path]()), sender)
        else:
            self._leases[row.path](sender, *values)

    def _subscribe(
        self, sender: tuple[str, int], topic: str, lease_s: float = addresses.LEASE_S
    ) -> None:
        with self._lock:
            self._forget_expired()
            if sender not in self._subscribers and len(self._subscribers) >= MAX_SUBSCRIBERS:
                raise OutOfRangeError(
                    f"/ripieno/subscribe: there are {MAX_SUBSCRIBERS} subscribers, "
                    "the most there can be; wait for a lease to end"
                )
            subscriber = self._subscribers.setdefault(sender, _Subscriber())
            subscriber.ends_s[topic] = time.monotonic() + lease_s
        self._send(encode("/ripieno/subscribed", [("s", topic), ("f", lease_s)]), sender)

    def _unsubscribe(self, sender: tuple[str, int], topic: str) -> None:
        with self._lock:
            if sender in self._subscribers:
                self._subscribers[sender].ends_s.pop(topic, None)
        self._send(encode("/ripieno/unsubscribed", [("s", topic)]), sender)

    # ---- sending: any thread, mostly the pump --------------------------------------------

    def _forget_expired(self) -> None:
        now_s = time.monotonic()
        for sender in list(self._subscribers):
            ends_s = self._subscribers[sender].ends_s
            for topic in [topic for topic, end_s in ends_s.items() if end_s <= now_s]:
                del ends_s[topic]
            if not ends_s:
                del self._subscribers[sender]

    def subscribers(self, topic: str) -> list[tuple[str, int]]:
        """Who holds a lease on `topic` now. [any]"""
        with self._lock:
            self._forget_expired()
            return [who for who, s in self._subscribers.items() if topic in s.ends_s]

    def _send(self, dgram: bytes, to: tuple[str, int]) -> None:
        try:
            self._socket.sendto(dgram, to)
            self.counts.sent += 1
        except OSError:  # nobody there, or the system's buffer is full: theirs is lost, not ours
            self.counts.send_failures += 1

    def publish(self, events: list[Event]) -> None:
        """Send `events`, and the statistics when they are due. Called by the pump. [main]"""
        if events and (listeners := self.subscribers("events")):
            dgrams = [encode(e.path, e.values) for e in events[:EVENTS_A_PUBLISH]]
            if len(events) > EVENTS_A_PUBLISH:
                lost = len(events) - EVENTS_A_PUBLISH
                dgrams.append(encode("/ripieno/events_lost", [("i", lost)]))
            for listener in listeners:
                for dgram in dgrams:
                    self._send(dgram, listener)
        now_s = time.monotonic()
        if now_s >= self._next_statistics_s:
            self._next_statistics_s = now_s + STATISTICS_PERIOD_S
            if listeners := self.subscribers("statistics"):
                dgram = encode("/ripieno/statistics", _as_json(self.target.statistics()))
                for listener in listeners:
                    self._send(dgram, listener)

    def publish_state(self) -> None:
        """Tell the subscribers of `state` that something changed. [any]"""
        if listeners := self.subscribers("state"):
            dgram = encode("/ripieno/state", _as_json(self.target.state()))
            for listener in listeners:
                self._send(dgram, listener)

    def say(self, sentence: str) -> None:
        """Tell the subscribers of `state` one sentence a player should know. [any]"""
        for listener in self.subscribers("state"):
            self._send(encode("/ripieno/said", [("s", sentence)]), listener)
