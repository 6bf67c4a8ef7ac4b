"""The pace: as busy as what was given, pushed back the more, the further away."""

import pytest

from engine.continuation.pace import MOST_NATS, Pace
from models.mmt.representation import TICKS

EIGHTHS = range(0, 16 * TICKS, TICKS // 2)
SEAM = 16 * TICKS


def after(pace: Pace, step: int, beats: int) -> float:
    """Return the hurry after so many beats with a note each `step` ticks, in nats a beat."""
    for tick in range(SEAM, SEAM + beats * TICKS, step):
        pace.take(tick)
    return TICKS * pace.hurry(SEAM + beats * TICKS)


def test_what_goes_on_as_it_was_is_left_alone():
    assert abs(TICKS * Pace(EIGHTHS, SEAM).hurry(SEAM)) < 0.25
    assert abs(after(Pace(EIGHTHS, SEAM), TICKS // 2, 32)) < 0.25


def test_what_thins_out_is_hurried_and_what_fills_up_held_back():
    some, more = (after(Pace(EIGHTHS, SEAM), step * TICKS, 32) for step in (1, 4))
    assert 0.5 < some < more
    assert after(Pace(EIGHTHS, SEAM), TICKS // 12, 32) < -0.5
    assert after(Pace(EIGHTHS, SEAM), 64 * TICKS, 64) == pytest.approx(MOST_NATS)


def test_more_or_less_can_be_wanted():
    assert after(Pace(EIGHTHS, SEAM, wanted=2.0), TICKS // 2, 32) > 1
    assert after(Pace(EIGHTHS, SEAM, wanted=0.5), TICKS // 2, 32) < -1


def test_a_rest_before_the_beginning_is_not_missed():
    later = SEAM + 4 * TICKS
    assert Pace(EIGHTHS, SEAM, later).hurry(later) == Pace(EIGHTHS, SEAM).hurry(SEAM)
    assert TICKS * Pace(EIGHTHS, SEAM).hurry(later) > 1


def test_where_nothing_was_given_nothing_is_wanted():
    assert after(Pace((), SEAM), TICKS // 12, 8) == 0
    assert Pace([0, 1, 2], SEAM + 16 * TICKS).hurry(SEAM) == 0


def test_only_the_last_bars_count():
    early = [*range(16 * TICKS), *range(16 * TICKS, 32 * TICKS, TICKS)]
    late = [*range(16 * TICKS, 32 * TICKS, TICKS)]
    assert Pace(early, 32 * TICKS).hurry(0) == Pace(late, 32 * TICKS).hurry(0)
