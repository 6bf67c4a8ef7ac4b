"""Bars of takes: where bar 1 lies, and that seconds and beats agree afterwards."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.interchange.bars import STRAY_SECONDS, find_bars
from engine.takes import TransportPoint as Point

RATE_HZ = 48_000


def test_at_rest_the_first_note_is_a_bar_line_at_the_tempo_that_was_set() -> None:
    bars = find_bars([Point(0, 96.0)], RATE_HZ, 12_345, 500_000)
    assert bars.first_frame == 12_345
    assert bars.tempo.beats == (0.0,)
    assert 60.0 / bars.tempo.seconds_per_beat[0] == pytest.approx(96.0, abs=1e-9)
    assert bars.time_signatures == ((0.0, 4, 4),)


def test_a_rolling_transport_says_where_the_bar_lines_are() -> None:
    rolling = Point(1000, 120.0, 3.0, True, 3)  # a bar line at frame 1000, a beat is 24000
    bars = find_bars([rolling], RATE_HZ, 1000 + 100_000, 400_000)
    assert bars.first_frame == 1000 + 72_000  # one bar later, a beat and 4000 frames before
    assert bars.time_signatures == ((0.0, 3, 4),)
    assert float(bars.tempo.to_beats(28_000 / RATE_HZ)) == pytest.approx(28 / 24)


def test_a_note_on_the_bar_line_begins_bar_1_and_so_does_one_a_frame_before() -> None:
    rolling = Point(0, 120.0, 0.0, True)
    assert find_bars([rolling], RATE_HZ, 96_000, 200_000).first_frame == 96_000
    assert find_bars([rolling], RATE_HZ, 95_999, 200_000).first_frame == 95_999
    assert find_bars([rolling], RATE_HZ, 95_990, 200_000).first_frame == 0


def test_what_is_played_before_the_transport_rolls_gets_its_bar_lines() -> None:
    points = [Point(0, 120.0), Point(100_000, 120.0, 0.0, True)]
    bars = find_bars(points, RATE_HZ, 50_000, 400_000)
    assert bars.first_frame == 100_000 - 96_000
    assert float(bars.tempo.to_beats(96_000 / RATE_HZ)) == pytest.approx(4.0)


def test_tempo_changes_become_a_tempo_map() -> None:
    points = [Point(0, 120.0), Point(48_000, 60.0), Point(96_000, 60.0), Point(144_000, 90.0)]
    bars = find_bars(points, RATE_HZ, 0, 500_000)
    assert bars.tempo.seconds == pytest.approx((0.0, 1.0, 3.0))
    assert bars.tempo.beats == pytest.approx((0.0, 2.0, 4.0))
    assert [60 / rate for rate in bars.tempo.seconds_per_beat] == pytest.approx([120, 60, 90])


def test_a_jump_of_the_transport_does_not_move_the_bars() -> None:
    points = [Point(0, 120.0, 0.0, True), Point(60_000, 120.0, 100.3, True)]
    bars = find_bars(points, RATE_HZ, 0, 200_000)
    assert bars.tempo.beats == (0.0,)
    # ... but corrections after it are followed
    points.append(Point(84_000, 120.0, 101.4, True))
    bars = find_bars(points, RATE_HZ, 0, 200_000)
    assert float(bars.tempo.to_beats(84_000 / RATE_HZ)) == pytest.approx(2.5 + 1.1)


def test_the_jitter_of_a_clock_that_is_followed_does_not_fill_the_tempo_map() -> None:
    random = np.random.default_rng(7)
    frames = np.arange(0, 480_000, 1000)
    beats = frames / 24_000 + random.normal(0.0, 2e-4, len(frames))
    tempos = 120.0 + random.normal(0.0, 0.2, len(frames))
    points = [Point(int(f), t, b, True) for f, t, b in zip(frames, tempos, beats, strict=True)]
    bars = find_bars(points, RATE_HZ, 0, 480_000)
    assert len(bars.tempo.beats) < 8
    assert bars.first_frame == 0
    found = bars.tempo.to_beats(frames / RATE_HZ)
    assert np.abs(found - frames / 24_000).max() < 2 * 2 * STRAY_SECONDS  # two beats a second


def test_a_change_of_meter_counts_from_the_next_bar_line() -> None:
    points = [
        Point(0, 120.0, 0.0, True, 4),
        Point(5 * 24_000, 120.0, 5.0, True, 3),  # in the second bar
        Point(14 * 24_000, 120.0, 14.0, True, 4),  # on the third bar line in three
    ]
    bars = find_bars(points, RATE_HZ, 0, 1_000_000)
    assert bars.time_signatures == ((0.0, 4, 4), (8.0, 3, 4), (14.0, 4, 4))


@given(
    st.lists(
        st.builds(
            Point,
            st.integers(0, 2_000_000),
            st.floats(20.0, 400.0),
            st.floats(-1000.0, 1000.0),
            st.booleans(),
            st.integers(1, 12),
        ),
        min_size=1,
        max_size=12,
    ),
    st.integers(0, 1_500_000),
    st.integers(0, 1_000_000),
)
@example([Point(2, 53.0, 0.0, True, 12), Point(27, 223.0, 1e-254, True, 4)], 0, 388)
def test_whatever_a_clock_says_bars_rise_and_begin_in_time(
    points: list[Point], start_frame: int, frames: int
) -> None:
    points = sorted(points, key=lambda point: point.frame)
    bars = find_bars(points, RATE_HZ, start_frame, start_frame + frames)
    assert bars.first_frame <= start_frame
    longest_bar = 12 * 3 * RATE_HZ
    assert start_frame - bars.first_frame <= longest_bar + 1
    assert (np.diff(bars.tempo.beats) > 0).all()
    assert (np.diff(bars.tempo.seconds) > 0).all()
    assert min(bars.tempo.seconds_per_beat) > 0
    beats = [beat for beat, _, _ in bars.time_signatures]
    assert beats[0] == 0.0
    assert (np.diff(beats) > 0).all()
