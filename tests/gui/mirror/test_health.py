"""Every rule says what is wrong and what to do; when all is well nothing is said."""

from typing import Any

import pytest

from gui.mirror import health
from gui.mirror.health import FINE, HINT, TROUBLE, WARNING, Growth, Signs, judge
from gui.mirror.statistics import Statistics, read
from tests.gui.mirror.told import statistics

DEVICE = {"description": "JACK", "alive": True, "latency_ms": 2.0, "input_latency_ms": 2.7}
WELL = Signs(device=DEVICE)


def signs(**more: Any) -> Signs:
    return Signs(**{"device": DEVICE, **more})


def test_nothing_is_said_when_all_is_well() -> None:
    assert judge(WELL) == []
    assert FINE < HINT < WARNING < TROUBLE


@pytest.mark.parametrize(
    ("found", "level", "says", "action"),
    [
        (signs(connection="gone"), TROUBLE, "does not answer", "start"),
        (signs(connection="slow"), WARNING, "answers late", ""),
        (signs(connection="looking"), HINT, "Looking for the engine", "start"),
        (signs(connection="looking", starting=True), HINT, "starts", ""),
        (signs(device={**DEVICE, "alive": False}), TROUBLE, "sound device is gone", "settings"),
        (
            signs(device={"description": "no sound (48000 Hz)"}),
            HINT,
            "Nothing is heard",
            "settings",
        ),
        (signs(statistics=Statistics(load_p999=97)), TROUBLE, "block above 128 frames", "settings"),
        (signs(statistics=Statistics(load_p999=75)), WARNING, "up to 75 %", "settings"),
        (signs(since={"xruns": 1}), WARNING, "a gap just now: another program", "settings"),
        (signs(since={"xruns": 2, "missed_cycles": 1}), WARNING, "3 gaps", "settings"),
        (signs(since={"dropped_events": 3}), WARNING, "left out", ""),
        (signs(since={"underruns": 64}), WARNING, "disk is too slow", ""),
        (signs(since={"refused_notes": 1}), HINT, "widen a range", ""),
        (signs(since={"voices_stolen": 1}), HINT, "voices", ""),
        (signs(since={"notes_late_rule": 2}), HINT, "2 notes got their part by rule", ""),
        (signs(inputs=()), HINT, "No MIDI keyboard", ""),
        (
            signs(chains={"part 1": {"state": "crashed", "message": "Verb ended"}}),
            WARNING,
            "Plugins of part 1: Verb ended",
            "",
        ),
        (
            signs(continuation={"mode": "takeover", "worker": {"state": "loading"}}),
            HINT,
            "loading",
            "",
        ),
        (
            signs(continuation={"mode": "trade", "worker": {"state": "failed", "message": "X."}}),
            WARNING,
            "cannot play on: X.",
            "",
        ),
        (
            signs(transport={"sync_source": "midi_clock", "locked": False}),
            HINT,
            "Waiting for MIDI clock",
            "",
        ),
        (
            signs(statistics=Statistics(notes_network=9, delay_p99_ms=30.0)),
            HINT,
            "up to 35 ms: a smaller block",
            "settings",
        ),
    ],
)
def test_what_is_wrong_is_said_with_a_remedy(
    found: Signs, level: int, says: str, action: str
) -> None:
    worst = judge(found)[0]
    assert (worst.level, worst.action) == (level, action)
    assert says in worst.sentence
    assert worst.sentence.endswith((".", "…"))


def test_what_was_asked_for_is_no_trouble() -> None:
    assert judge(signs(inputs=(), input_wanted="none")) == []
    window = signs(statistics=Statistics(notes_network=9, delay_p99_ms=46.0), chord_window_ms=45.0)
    assert judge(window) == []
    assert judge(signs(continuation={"mode": "off", "worker": {"state": "failed"}})) == []


def test_the_worst_comes_first() -> None:
    found = judge(signs(inputs=(), since={"xruns": 1}, statistics=Statistics(load_p999=99)))
    assert [finding.level for finding in found] == [TROUBLE, WARNING, HINT]


def test_growth_is_of_the_last_seconds_and_a_reset_is_none() -> None:
    growth = Growth()
    growth.feed(Statistics(xruns=5), 0.0)
    assert growth.feed(Statistics(xruns=7), 2.0)["xruns"] == 2
    for second in range(3, 60):
        last = growth.feed(Statistics(xruns=7), float(second))
    assert last["xruns"] == 0
    assert growth.feed(Statistics(xruns=0), 61.0)["xruns"] == 0


def test_statistics_are_read() -> None:
    found = read({**statistics(xruns=3), "of_a_later_version": 1})
    assert (found.xruns, found.load_p999, found.delay_p99_ms) == (3, 5.0, 1.0)
    assert (found.peak[0], len(found.peak), found.notes) == (0.5, 17, 0)
    assert health.path_ms(WELL) == pytest.approx(4.7)
