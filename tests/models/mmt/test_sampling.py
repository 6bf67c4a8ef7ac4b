"""Drawing rows: the order of a sequence, every rule, the filters against a plain count."""

import numpy as np
import pytest

from models.errors import ModelError
from models.mmt.representation import (
    INSTRUMENT,
    NOTE,
    NOTES,
    PITCH,
    SIZES,
    TYPE,
    check_order,
    header,
    times,
)
from models.mmt.sampling import Rules, _draw, packed
from tests.models.mmt.helpers import KINDS, decoder, each_kind, music


def generated(shape, rules, start, seed=0, rows=None):
    decoder_ = decoder(shape)
    decoder_.feed(start)
    new = decoder_.generate(rules, np.random.default_rng(seed), rows)
    return np.concatenate([start, new])


def ordered(rows):
    """Beats never go back (other fields may: they are not in the dissertation's rule)."""
    notes = rows[rows[:, TYPE] == NOTE]
    return (np.diff(notes[:, 1]) >= 0).all() and (np.diff(rows[:, TYPE]) >= 0).all()


@each_kind
def test_from_nothing_comes_a_header_then_notes(shape):
    start = np.zeros((1, 6), np.int64)
    for seed in range(6):
        rows = generated(shape, Rules(amount=1.0), start, seed)
        assert ordered(rows)
        begin = np.flatnonzero(rows[:, TYPE] == 2)
        check_order(rows[: begin[0] + 1] if len(begin) else rows[:1])
        notes = rows[rows[:, TYPE] == NOTE]
        assert (notes[:, 1:] > 0).all()
        assert (rows < SIZES).all()


@each_kind
def test_the_same_seed_gives_the_same_music(shape):
    start = music(20)
    one, two = (generated(shape, Rules(may_end=False), start, seed=4) for _ in range(2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, generated(shape, Rules(may_end=False), start, seed=5))


@each_kind
def test_rules_hold(shape):
    start = music(20)
    rules = Rules(
        amount=1.0,
        instruments=(25, 27),
        earliest_ticks=30 * 12 + 5,
        longest_wait_beats=2,
        may_end=False,
        notes_only=True,
        lowest_key=50,
        highest_key=61,
    )
    new = generated(shape, rules, start, rows=60)[20:]
    assert len(new) == 60
    assert (new[:, TYPE] == NOTE).all()
    assert set(new[:, INSTRUMENT]) <= {25, 27}
    assert times(new).min() >= 30 * 12 + 5
    assert np.diff(new[:, 1]).max() <= 2
    assert new[0, 1] - 1 <= 30 + 2
    assert new[:, PITCH].min() - 1 >= 50
    assert new[:, PITCH].max() - 1 <= 61


@each_kind
def test_instrument_informed(shape):
    rows = generated(shape, Rules(may_end=False, instruments=(1, 31)), header([1, 31]))
    assert (rows[4:, TYPE] == NOTE).all()
    assert set(rows[4:, INSTRUMENT]) <= {1, 31}


def test_costs_of_players_are_theirs_alone():
    """Who costs least plays; in rows that name instruments nobody pays."""
    decoder_ = decoder(KINDS[3])
    decoder_.feed(music(20))
    draw = packed(Rules(amount=1.0, may_end=False, instruments=(1, 25, 27)))
    draw.players[[1, 25, 27]] = 0, 20, -20
    random = np.random.default_rng(0)
    rows = np.array([decoder_.next(draw, random)[0] for _ in range(100)])
    assert set(rows[:, INSTRUMENT]) == {27}
    fresh = decoder(KINDS[3])
    fresh.feed(np.zeros((1, 6), np.int64))
    draw.allowed[[NOTES, NOTE]] = 0
    rows = np.array([fresh.next(draw, random)[0] for _ in range(300)])
    assert 1 in rows[:, INSTRUMENT]  # who costs 20 more than another


def test_the_last_beat_is_the_last():
    rows = generated(
        KINDS[1], Rules(amount=1.0, may_end=False, notes_only=True), music(20), rows=140
    )
    assert rows[:, 1].max() <= 256


def draws(logits, filter_, amount, count=4000, temperature=1.0, kept=None, costs=None):
    logits = np.asarray(logits, np.float32)
    size = len(logits)
    numbers = np.array([temperature, filter_, amount, 0, 0], np.float64)
    allowed, scratch = np.ones(size, np.uint8), np.zeros(size, np.float32)
    costs = np.zeros(size, np.float32) if costs is None else np.asarray(costs, np.float32)
    found = np.zeros(size)
    for uniform in (np.arange(count) + 0.5) / count:
        code, told = _draw(
            logits, costs, allowed, 0, size - 1, numbers, kept or size, uniform, scratch
        )
        found[code] += 1 / count
        expected = logits[code] - np.log(np.exp(logits).sum())
        assert told == pytest.approx(expected, abs=1e-4)
    return found


P = np.array([0.4, 0.3, 0.15, 0.1, 0.05])


def test_without_a_filter_draws_have_the_probabilities():
    np.testing.assert_allclose(draws(np.log(P), 0, 1), P, atol=1e-3)
    sharp = P**2 / (P**2).sum()
    np.testing.assert_allclose(draws(np.log(P), 0, 1, temperature=0.5), sharp, atol=1e-3)


def test_costs_make_codes_less_likely_but_not_their_probability_another():
    costs = np.log([1, 1, 1, 1, 2])
    shares = P * [1, 1, 1, 1, 0.5]
    np.testing.assert_allclose(
        draws(np.log(P), 0, 1, costs=costs), shares / shares.sum(), atol=1e-3
    )


def test_top_k_keeps_the_likeliest():
    np.testing.assert_allclose(draws(np.log(P), 0, 1, kept=2), [4 / 7, 3 / 7, 0, 0, 0], atol=1e-3)


def test_top_p_keeps_what_makes_up_the_probability():
    found = draws(np.log(P), 1, 0.8)
    np.testing.assert_allclose(found, [0.4 / 0.85, 0.3 / 0.85, 0.15 / 0.85, 0, 0], atol=1e-3)


def test_min_p_keeps_what_is_not_much_less_likely():
    found = draws(np.log(P), 2, 0.3)
    np.testing.assert_allclose(found, [0.4 / 0.85, 0.3 / 0.85, 0.15 / 0.85, 0, 0], atol=1e-3)


def test_top_k_of_a_tenth_is_the_dissertations():
    assert packed(Rules()).kept.tolist() == [1, 26, 2, 13, 4, 7]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"temperature": 0}, "temperature must be 0.01 to 10, got 0"),
        ({"filter": "best"}, "filter must be one of"),
        ({"amount": 1.5}, "amount must be 0 to 1"),
        ({"instruments": (65,)}, "instruments must be 1 to 64, got 65"),
        ({"lowest_key": 60, "highest_key": 59}, "highest_key must be 60 to 127, got 59"),
    ],
)
def test_rules_are_checked(changed, message):
    with pytest.raises(ModelError, match=message):
        Rules(**changed)
