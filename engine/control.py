"""OSC: how the window, a remote or a script plays with the controls of a session.

One thread receives and answers; what takes its time is done by a second, one thing after the other.
The session's pump calls `publish` for those who subscribed. What may be said is the table in
`engine.address_table`. Anything else is counted and dropped, and where a sender can learn from it,
answered in one sentence on /ripieno/error.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import queue
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

from engine import addresses, operations
from engine.addresses import DEFAULT_PORT, Address, At, OutOfRangeError, WrongMessageError
from engine.errors import RipienoError
from engine.osc import CHUNK_BYTES, Event, OscError, Values, as_json, decode, encode, encode_all
from engine.subscribers import Sender, Subscribers

EVENTS_A_PUBLISH = 128
STATISTICS_PERIOD_S = 0.1
STATE_PERIOD_S = 0.1  # a moved fader changes the state a hundred times a second
MAX_PACKET_BYTES = 65507
MAX_ERRANDS = 8
LOOPBACK = "127.0.0.1"
RECEIVE_BUFFER_BYTES = 1 << 20

log = logging.getLogger(__name__)


@dataclass
class ControlCounts:
    """Packets and messages since the server started."""

    received: int = 0
    obeyed: int = 0
    malformed: int = 0
    refused: int = 0
    sent: int = 0
    send_failures: int = 0


class Control:
    """The server. `port` 0 takes any free one; `self.port` says which. [main]

    `target` is the session; what is asked of it is in `engine.operations`.
    """

    def __init__(self, target: Any, port: int = DEFAULT_PORT, host: str = LOOPBACK) -> None:
        if not 0 <= port <= 65535:
            raise RipienoError(f"OSC port {port} is outside 0 .. 65535")
        self.target = target
        self.counts = ControlCounts()
        self.revision = 0
        self._subscribers = Subscribers()
        self._serials = itertools.count(1)
        self._lock = threading.Lock()
        self._new_values: dict[str, Values] = {}  # settings that changed: address, values
        self._new_sections: set[str] = set()
        self._new_plan: dict[str, Any] | None = None
        self._new_attention: dict[str, Any] | None = None
        self._state_due = False
        self._next_statistics_s = self._next_state_s = 0.0
        self._closing = False
        self._errands: queue.Queue = queue.Queue(MAX_ERRANDS)
        self._next_socket: socket.socket | None = None  # where it is to listen from now on
        self._socket = _bound_socket(host, port, "choose another with --osc-port, or 0 for any")
        self.host: str = self._socket.getsockname()[0]
        self.port: int = self._socket.getsockname()[1]
        self._threads = [
            threading.Thread(target=self._serve, name="osc", daemon=True),
            threading.Thread(target=self._run_errands, name="osc errands", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def exposed(self) -> bool:
        """Whether other machines can reach it. [any]"""
        return not is_loopback(self.host)

    def close(self) -> None:
        """Stop answering; idempotent. [main]"""
        if self._closing:
            return
        self._closing = True
        with contextlib.suppress(queue.Full):  # then its thread looks again after the next one
            self._errands.put_nowait(None)
        with contextlib.suppress(OSError):
            wake = "::1" if ":" in self.host else LOOPBACK
            self._socket.sendto(b"", (wake, self.port))
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(2.0)
        self._socket.close()

    def move(self, port: int) -> None:
        """Listen at another port from now on, as all who heard of changes are told. [any]

        RipienoError, and nothing changed, if it is taken.
        """
        if port == self.port:
            return
        path = "/ripieno/osc_port"
        try:
            moved = _bound_socket(self.host, port, f"port {self.port} stays")
        except RipienoError as error:
            raise OutOfRangeError(f"{path}: {error}") from error
        self.port = port
        self._send_all("changes", [encode(path, [("i", port)])])  # now, from the port they know
        self._next_socket = moved
        with contextlib.suppress(OSError):
            wake = "::1" if ":" in self.host else LOOPBACK
            moved.sendto(b"", (wake, self._socket.getsockname()[1]))

    # ---- receiving: the osc thread -------------------------------------------------------

    def _serve(self) -> None:
        while not self._closing:
            if self._next_socket is not None:
                left, self._socket, self._next_socket = self._socket, self._next_socket, None
                left.close()
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

    def handle(self, packet: bytes, sender: Sender) -> None:
        """Obey one datagram, whatever is in it; never raises. [any]"""
        self.counts.received += 1
        try:
            messages = decode(packet)
        except OscError:
            self.counts.malformed += 1
            return
        for path, values in messages:
            self._guarded(path, sender, self._handle_message, path, values, sender)

    def _guarded(self, path: str, sender: Sender, step: Any, *arguments: Any) -> None:
        try:
            step(*arguments)
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

    def _refuse(self, path: str, sentence: str, sender: Sender) -> None:
        if path != "/ripieno/error":  # never answer an answer
            self._send(encode("/ripieno/error", [("s", sentence)]), sender)

    def _handle_message(self, path: str, values: list, sender: Sender) -> None:
        row, at = addresses.find(path)
        asks = row.setting and not values
        checked = () if asks else addresses.check(row, values)
        if self.exposed and not is_loopback(sender[0]):
            _check_stranger(row, checked)
        if row.path in ("/ripieno/subscribe", "/ripieno/unsubscribe"):
            self._answer(*self._lease(row.path, sender, *checked), sender)
            self.counts.obeyed += 1
        elif row.slow:
            self._errands_put(row, path, at, checked, sender)
        else:
            self._carry_out(row, path, at, checked, sender)

    def _carry_out(
        self, row: Address, path: str, at: At, values: tuple[Any, ...], sender: Sender
    ) -> None:
        reply = operations.carry_out(self.target, row, at, values)
        self.counts.obeyed += 1
        if reply is not None:
            self._answer(path, reply, sender)
        elif row.slow:
            self._answer("/ripieno/done", [("s", path), ("s", "")], sender)

    def _answer(self, path: str, reply: Values, sender: Sender) -> None:
        for dgram in encode_all(path, reply, next(self._serials)):
            self._send(dgram, sender)

    def _errands_put(
        self, row: Address, path: str, at: At, values: tuple[Any, ...], sender: Sender
    ) -> None:
        try:
            self._errands.put_nowait((row, path, at, values, sender))
        except queue.Full:
            raise OutOfRangeError(f"{path}: {MAX_ERRANDS} things wait already; ask later") from None

    def _run_errands(self) -> None:
        while (errand := self._errands.get()) is not None and not self._closing:
            row, path, at, values, sender = errand
            self._guarded(path, sender, self._carry_out, row, path, at, values, sender)

    def _lease(
        self, path: str, sender: Sender, topic: str, lease_s: float = addresses.LEASE_S
    ) -> tuple[str, Values]:
        if path == "/ripieno/subscribe":
            self._subscribers.add(sender, topic, lease_s)
            return "/ripieno/subscribed", [("s", topic), ("f", lease_s)]
        self._subscribers.remove(sender, topic)
        return "/ripieno/unsubscribed", [("s", topic)]

    # ---- sending: any thread, mostly the pump --------------------------------------------

    def subscribers(self, topic: str) -> list[Sender]:
        """Who holds a lease on `topic` now. [any]"""
        return self._subscribers.of(topic)

    def _send(self, dgram: bytes, to: Sender) -> None:
        try:
            self._socket.sendto(dgram, to)
            self.counts.sent += 1
        except OSError:  # nobody there, or the system's buffer is full: theirs is lost, not ours
            self.counts.send_failures += 1

    def _send_all(self, topic: str, dgrams: list[bytes]) -> None:
        for listener in self.subscribers(topic):
            for dgram in dgrams:
                self._send(dgram, listener)

    def value_changed(self, path: str, values: Values) -> None:
        """A setting has a new value, whoever set it; told at the next `publish`. [any]"""
        with self._lock:
            self.revision += 1
            self._new_values[path] = values
            self._state_due = True

    def section_changed(self, section: str) -> None:
        """Something else in a section of the state is new; told at the next `publish`. [any]"""
        with self._lock:
            self.revision += 1
            self._new_sections.add(section)
            self._state_due = True

    def plan_changed(self, plan: dict[str, Any]) -> None:
        """The ensemble would play something else; told at the next `publish`. [any]"""
        with self._lock:
            self._new_plan = plan

    def attended(self, attention: dict[str, Any]) -> None:
        """The ensemble's network looked at this; told at the next `publish`. [any]"""
        with self._lock:
            self._new_attention = attention

    def publish(self, events: list[Event]) -> None:
        """Send `events`, what changed, and the statistics when due. Called by the pump. [main]"""
        if events and self.subscribers("events"):
            dgrams = [encode(e.path, e.values) for e in events[:EVENTS_A_PUBLISH]]
            if len(events) > EVENTS_A_PUBLISH:
                lost = len(events) - EVENTS_A_PUBLISH
                dgrams.append(encode("/ripieno/events_lost", [("i", lost)]))
            self._send_all("events", dgrams)
        self._publish_changes()
        now_s = time.monotonic()
        if now_s >= self._next_statistics_s:
            self._next_statistics_s = now_s + STATISTICS_PERIOD_S
            if self.subscribers("statistics"):
                reply = as_json(self.target.statistics())
                self._send_all("statistics", encode_all("/ripieno/statistics", reply, 0))
        if self._state_due and now_s >= self._next_state_s:
            self._next_state_s = now_s + STATE_PERIOD_S
            self.publish_state()

    def _publish_changes(self) -> None:
        with self._lock:
            values, self._new_values = self._new_values, {}
            sections, self._new_sections = self._new_sections, set()
            plan, self._new_plan = self._new_plan, None
            attention, self._new_attention = self._new_attention, None
            revision = self.revision
        for topic, news in (("plan", plan), ("attention", attention)):
            if news is not None and self.subscribers(topic):
                dgrams = encode_all(f"/ripieno/{topic}", as_json(news), next(self._serials))
                self._send_all(topic, dgrams)
        if (values or sections) and self.subscribers("changes"):
            dgrams = [encode(path, value) for path, value in values.items()]
            dgrams += [
                encode("/ripieno/changed", [("s", section), ("i", revision & 0x7FFFFFFF)])
                for section in sorted(sections)
            ]
            self._send_all("changes", dgrams)

    def publish_state(self) -> None:
        """Send the whole state to its subscribers, now. [any]"""
        self._state_due = False
        if self.subscribers("state"):
            reply = as_json(self.target.state())
            self._send_all("state", encode_all("/ripieno/state", reply, next(self._serials)))

    def say(self, sentence: str) -> None:
        """Tell the subscribers of `state` or `changes` a sentence a player should know. [any]"""
        dgram = encode("/ripieno/said", [("s", sentence[:CHUNK_BYTES])])
        for listener in dict.fromkeys([*self.subscribers("state"), *self.subscribers("changes")]):
            self._send(dgram, listener)


def is_loopback(host: str) -> bool:
    """Whether an address belongs to this machine alone. [any]"""
    return host.removeprefix("::ffff:").startswith("127.") or host == "::1"


def _bound_socket(host: str, port: int, remedy: str) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host or LOOPBACK, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise RipienoError(f"OSC host {host!r} is no address of this machine: {error}") from None
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise RipienoError(
            f"OSC port {port} on {host} is taken or not to be had ({error.strerror}); {remedy}"
        ) from error
    bound.settimeout(0.2)
    return bound


def _check_stranger(row: Address, values: tuple[Any, ...]) -> None:
    """What other machines may not do: touch files they name, load plugins, end the program."""
    if row.local:
        raise OutOfRangeError(f"{row.path}: only a program on this machine may do that")
    for value in values:
        path_like = isinstance(value, str) and ("/" in value or "\\" in value or ".toml" in value)
        if path_like and not value.startswith("/ripieno/"):
            raise OutOfRangeError(f"{row.path}: only a program on this machine may name files")
