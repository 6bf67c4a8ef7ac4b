"""The status line and the computer keyboard as a piano."""

import io
import sys

import pytest

from engine import terminal
from engine.terminal import ComputerPiano, StatusLine, bar, status_text


class Sent(list):
    """Takes every message."""

    def __call__(self, message: bytes) -> bool:
        self.append(message)
        return True


def test_the_layout_is_abletons() -> None:
    sent = Sent()
    piano = ComputerPiano(sent)
    for key in "awsedftgyhujk":
        assert piano.press(key, 0.0)
    assert [message[1] for message in sent] == list(range(60, 73))


def test_octave_and_velocity_keys() -> None:
    sent = Sent()
    piano = ComputerPiano(sent)
    for key in "xaZzA":
        piano.press(key, 0.0)
    assert [message[1] for message in sent] == [72, 48]
    for _ in range(20):
        piano.press("v", 0.0)
        piano.press("x", 0.0)
    piano.press("a", 0.0)
    assert sent[-1] == bytes([0x90, 108, 127])
    for _ in range(20):
        piano.press("c", 0.0)
        piano.press("z", 0.0)
    piano.press("a", 0.0)
    assert sent[-1] == bytes([0x90, 0, 1])


def test_a_note_lasts_while_its_key_repeats() -> None:
    sent = Sent()
    piano = ComputerPiano(sent)
    piano.press("a", 0.0)
    piano.press("a", 0.5)
    piano.release_due(terminal.NOTE_S + 0.1)
    assert len(sent) == 1
    piano.release_due(0.5 + terminal.NOTE_S)
    assert sent[-1][:2] == bytes([0x80, 60])
    assert piano.down == {}


def test_a_refused_note_gets_no_end() -> None:
    refused: list[bytes] = []
    piano = ComputerPiano(lambda message: refused.append(message) or False)
    piano.press("a", 0.0)
    piano.release_all()
    assert len(refused) == 1


def test_other_keys_are_not_the_pianos() -> None:
    piano = ComputerPiano(Sent())
    assert not any(piano.press(key, 0.0) for key in "qbn19 \x1b[é")


@pytest.mark.parametrize(
    ("level", "character"), [(0.0, " "), (0.001, " "), (0.005, "▁"), (1.0, "█"), (4.0, "█")]
)
def test_bars(level: float, character: str) -> None:
    assert bar(level) == character


STATE = {
    "ensemble_name": "Duo",
    "parts": [{"name": "Flute"}, {"name": "Oboe"}],
    "chord_window_ms": 20.0,
    "continuation": {"mode": "trade", "floor": "both", "worker": {"state": "ready"}},
    "recorder": {"recording": True, "seconds": 75.0},
    "device": {"alive": True, "latency_ms": 2.0, "input_latency_ms": 1.0},
}
STATISTICS = {
    "peak": [1.0, 1.0, 0.0],
    "delay_ms": {"p50": 1.34, "p99": 2.0},
    "load_percent": {"p50": 3.0, "p99": 8.0},
    "xruns": 0,
    "dropped_events": 0,
}


def test_the_status_line_says_it_all() -> None:
    text = status_text(STATE, STATISTICS)
    for piece in (
        "Duo  Flute█ Oboe ",
        "4.3/5.0 ms",
        "window 20 ms",
        "0 xruns",
        "3/8 %",
        "trade: both",
        "rec 1:15",
    ):
        assert piece in text
    worse = {**STATISTICS, "xruns": 6, "dropped_events": 3}
    lost = {**STATE, "device": {"alive": False, "latency_ms": 0.0, "input_latency_ms": 0.0}}
    text = status_text(lost, worse)
    for piece in ("try a larger --block", "3 dropped", "no sound device"):
        assert piece in text


def test_many_parts_are_numbered() -> None:
    assert terminal.labels(["Violin I", "Violin II"]) == ["Violin I", "Violin II"]
    assert terminal.labels(["Contrabassoon"] * 16) == [str(i) for i in range(1, 17)]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_line_draws_over_itself_and_gives_way_to_sentences(monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "10")
    stream = Terminal()
    line = StatusLine(stream)
    line.draw("0123456789abc")
    line.say("Hello.")
    line.close()
    assert stream.getvalue() == "\r\x1b[2K012345678\r\x1b[2KHello.\n"


def test_no_line_is_drawn_where_nobody_looks() -> None:
    stream = io.StringIO()
    line = StatusLine(stream)
    line.draw("busy")
    line.say("Hello.")
    line.close()
    assert stream.getvalue() == "Hello.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_keys_are_read_as_they_are_pressed(monkeypatch) -> None:
    import os
    import pty
    import termios

    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "r") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        before = termios.tcgetattr(theirs)
        with terminal.raw_keys() as read:
            os.write(ours, b"as")
            assert read(1.0) == "as"
            assert read(0.01) == ""
            assert termios.tcgetattr(theirs) != before
        assert termios.tcgetattr(theirs) == before
    os.close(ours)


def test_arrows_are_not_the_escape_key() -> None:
    assert terminal.is_arrow("\x1b[A")
    assert not terminal.is_arrow("\x1b")
