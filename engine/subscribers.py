"""Who wants to be told what, and until when. [any]"""

from __future__ import annotations

import threading
import time

from engine.address_row import OutOfRangeError

MAX_SUBSCRIBERS = 32
Sender = tuple[str, int]


class Subscribers:
    """Leases on topics by sender; they end by themselves. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends_s: dict[Sender, dict[str, float]] = {}

    def add(self, sender: Sender, topic: str, lease_s: float) -> None:
        """Tell `sender` of `topic` from now on; OutOfRangeError when there is no room. [any]"""
        with self._lock:
            self._forget_expired()
            if sender not in self._ends_s and len(self._ends_s) >= MAX_SUBSCRIBERS:
                raise OutOfRangeError(
                    f"/ripieno/subscribe: there are {MAX_SUBSCRIBERS} subscribers, "
                    "the most there can be; wait for a lease to end"
                )
            self._ends_s.setdefault(sender, {})[topic] = time.monotonic() + lease_s

    def remove(self, sender: Sender, topic: str) -> None:
        """End a lease, if there is one. [any]"""
        with self._lock:
            self._ends_s.get(sender, {}).pop(topic, None)

    def of(self, topic: str) -> list[Sender]:
        """Who holds a lease on `topic` now. [any]"""
        with self._lock:
            self._forget_expired()
            return [sender for sender, ends_s in self._ends_s.items() if topic in ends_s]

    def _forget_expired(self) -> None:
        now_s = time.monotonic()
        for sender in list(self._ends_s):
            live = {topic: end_s for topic, end_s in self._ends_s[sender].items() if end_s > now_s}
            if live:
                self._ends_s[sender] = live
            else:
                del self._ends_s[sender]
