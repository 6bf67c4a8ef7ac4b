"""The terminal while playing: one live status line, and the computer keyboard as a piano.

Key layout as in Ableton Live: A W S E D F T G Y H U J K O L P from C, Z and X move an octave, C
and V change the velocity. Escape is panic, Q leaves, R keeps what was just played. A terminal
reports no key coming up, so a note lasts until its key has not repeated for a while. Runs on the
thread that calls `run`. [main]
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TextIO

PIANO = {key: step for step, key in enumerate("awsedftgyhujkolp")}
HELP = (
    "Keys: A-P row plays (Z/X octave, C/V velocity), [ ] chord window, 1-9 ensemble, "
    "R keep what you just played, Esc panic, Q quit"
)
NOTE_S = 0.65
LONGEST_NAMES = 60
BARS = " ▁▂▃▄▅▆▇█"
PANIC_KEY, QUIT_KEY, KEEP_KEY = "\x1b", "q", "r"


@dataclass
class ComputerPiano:
    """Turns characters into MIDI: `send` gets one message and says whether it was taken."""

    send: Callable[[bytes], bool]
    octave_key: int = 60
    velocity: int = 80
    down: dict[int, float] = field(default_factory=dict)

    def press(self, character: str, now_s: float) -> bool:
        """True if `character` belongs to the piano. [main]"""
        key = character.lower()
        if key in PIANO:
            pitch = self.octave_key + PIANO[key]
            sounding = pitch in self.down
            if pitch <= 127 and (sounding or self.send(bytes([0x90, pitch, self.velocity]))):
                self.down[pitch] = now_s + NOTE_S
        elif key in "zx":
            self.octave_key = min(108, max(0, self.octave_key + (12 if key == "x" else -12)))
        elif key in "cv":
            self.velocity = min(127, max(1, self.velocity + (12 if key == "v" else -12)))
        else:
            return False
        return True

    def release_due(self, now_s: float) -> None:
        """End the notes whose key stopped repeating. [main]"""
        for pitch in [p for p, end_s in self.down.items() if end_s <= now_s]:
            del self.down[pitch]
            self.send(bytes([0x80, pitch, 64]))

    def release_all(self) -> None:
        """End every note. [main]"""
        self.release_due(float("inf"))


def bar(level: float) -> str:
    """One character for a linear level: -48 dB is empty, 0 dB is full. [any]"""
    import math

    if level <= 10 ** (-48 / 20):
        return BARS[0]
    db = 20 * math.log10(level)
    return BARS[max(1, min(8, 1 + int((db + 48) / 48 * 8)))]


def labels(names: list[str]) -> list[str]:
    """The parts' names, or their numbers where the names would fill the line. [any]"""
    if sum(map(len, names)) <= LONGEST_NAMES:
        return names
    return [str(number) for number in range(1, len(names) + 1)]


def clock(seconds: float) -> str:
    """m:ss. [any]"""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def floor_text(continuation: dict[str, Any]) -> str:
    """Who has the floor, or why the ensemble cannot take it. [any]"""
    worker = continuation["worker"]["state"]
    if worker != "ready":
        return f"{continuation['mode']}: {worker}"
    return f"{continuation['mode']}: {continuation['floor']}"


def status_text(state: dict[str, Any], statistics: dict[str, Any]) -> str:
    """The status line of one moment, at full length; delays from key to speaker. [any]"""
    peaks = statistics["peak"]
    names = labels([part["name"] for part in state["parts"]])
    parts = " ".join(f"{name}{bar(peaks[1 + i])}" for i, name in enumerate(names))
    delay, load = statistics["delay_ms"], statistics["load_percent"]
    device_ms = state["device"]["latency_ms"] + state["device"]["input_latency_ms"]
    xruns = statistics["xruns"]
    pieces = [
        f"{state['ensemble_name']}  {parts}",
        f"delay {delay['p50'] + device_ms:.1f}/{delay['p99'] + device_ms:.1f} ms",
        f"window {state['chord_window_ms']:.0f} ms",
        f"{xruns} xrun{'' if xruns == 1 else 's'}" + (" (try a larger --block)" * (xruns > 5)),
        f"CPU {load['p50']:.0f}/{load['p99']:.0f} %",
    ]
    if statistics["dropped_events"]:
        pieces.append(f"{statistics['dropped_events']} dropped")
    continuation = state["continuation"]
    if continuation["mode"] != "off":
        pieces.append(floor_text(continuation))
    recorder = state["recorder"]
    if recorder.get("recording"):
        pieces.append(f"rec {clock(recorder.get('seconds', 0.0))}")
    if not state["device"].get("alive", True):
        pieces.append("no sound device: looking for one")
    return "  ".join(pieces)


class StatusLine:
    """One line that is drawn over itself on a terminal and stays silent elsewhere."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.live = self.stream.isatty()
        if self.live and sys.platform == "win32":
            os.system("")  # lets the console understand escape sequences
        self._drawn = False
        self._lock = threading.Lock()

    def draw(self, text: str) -> None:
        """Replace the line; cut to the terminal's width. [main]"""
        if self.live:
            width = shutil.get_terminal_size().columns - 1
            with self._lock:
                self.stream.write("\r\x1b[2K" + text[:width])
                self.stream.flush()
                self._drawn = True

    def show(self, session: Any) -> None:
        """Draw a session's status, if anybody can see it. [main]"""
        if self.live:
            self.draw(status_text(session.state(), session.statistics()))

    def say(self, sentence: str) -> None:
        """A sentence on a line of its own, above the status line. [any]"""
        with self._lock:
            if self._drawn:
                self.stream.write("\r\x1b[2K")
            self.stream.write(sentence + "\n")
            self.stream.flush()
            self._drawn = False

    def close(self) -> None:
        """Leave the cursor on a fresh line. [main]"""
        if self._drawn:
            self.stream.write("\n")
            self.stream.flush()
            self._drawn = False


@contextmanager
def raw_keys() -> Iterator[Callable[[float], str]]:
    """`with raw_keys() as read`: read(seconds) gives the characters typed, without echo. [main]

    Where standard input is no terminal, read only waits.
    """
    if not sys.stdin or not sys.stdin.isatty():
        yield _wait_only
    elif sys.platform == "win32":
        yield _read_windows
    else:
        import termios
        import tty

        descriptor = sys.stdin.fileno()
        before = termios.tcgetattr(descriptor)
        try:
            tty.setcbreak(descriptor)
            yield _read_posix
        finally:
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _wait_only(seconds: float) -> str:
    time.sleep(seconds)
    return ""


def _read_posix(seconds: float) -> str:
    import select

    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    if not ready:
        return ""
    data = os.read(sys.stdin.fileno(), 64)
    if not data:  # the terminal went away: do not spin
        time.sleep(seconds)
    return data.decode("utf-8", "replace")


def _read_windows(seconds: float) -> str:
    import msvcrt  # Windows only

    end_s = time.monotonic() + seconds
    typed = ""
    while time.monotonic() < end_s:
        while msvcrt.kbhit():  # type: ignore[attr-defined]
            typed += msvcrt.getwch()  # type: ignore[attr-defined]
        if typed:
            break
        time.sleep(0.005)
    return typed


def is_arrow(typed: str) -> bool:
    """True for what an arrow or function key sends, which is not the Escape key. [any]"""
    return len(typed) > 1 and typed[0] == PANIC_KEY
