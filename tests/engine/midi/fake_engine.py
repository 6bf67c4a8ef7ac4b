"""A stand-in for the engine that writes down what it is given and can be full."""

import time


class FakeEngine:
    """Takes messages as the engine does; its clock runs on the system's."""

    def __init__(self, rate_hz: int = 48000) -> None:
        self.rate_hz = rate_hz
        self.got: list[tuple[bytes, int | None, int]] = []
        self.refuse_next = 0
        self.full = False
        self._started = time.monotonic()

    def midi(self, message: bytes, frame: int | None = None, source: int = 0) -> bool:
        if self.full or self.refuse_next > 0:
            self.refuse_next -= 1
            return False
        self.got.append((message, frame, source))
        return True

    def now_frame(self) -> int:
        return int((time.monotonic() - self._started) * self.rate_hz)

    @property
    def messages(self) -> list[bytes]:
        return [message for message, _, _ in self.got]

    def wait_for(self, message: bytes, timeout_s: float = 5.0) -> None:
        """Wait until this message has come."""
        deadline = time.monotonic() + timeout_s
        while message not in self.messages:
            assert time.monotonic() < deadline, f"{message.hex()} did not come: {self.messages}"
            time.sleep(0.005)


def stuck_notes(messages: list[bytes]) -> dict[tuple[int, int], int]:
    """Notes begun more often than ended, by (channel, key)."""
    sounding: dict[tuple[int, int], int] = {}
    for message in messages:
        change = {0x90: 1, 0x80: -1}.get(message[0] & 0xF0, 0)
        key = (message[0] & 0x0F, message[1])
        sounding[key] = max(0, sounding.get(key, 0) + change)
    return {key: count for key, count in sounding.items() if count}
