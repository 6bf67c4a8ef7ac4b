"""Music made offline: what is wished is made, after what was there, in order, by the seed."""

import numpy as np
import pytest

from engine import composing
from engine.composing import ComposingError, Wish, candidates, named
from models.mmt.decoder import Decoder, from_floats
from models.mmt.instruments import code_of
from models.mmt.representation import INSTRUMENT, KEY, LENGTH, NOTE, ONSET, PLAYER, TICKS
from models.mmt.shape import IN_TURN, ROTARY, Shape, random_weights

QUARTET = tuple(code_of(name) for name in ("violin", "viola", "cello"))
NOTHING = np.zeros((0, 4), np.int64)


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    """A small network that has learnt nothing, with rows for 80 events."""
    shape = Shape(1, 64, 64, 80, IN_TURN, ROTARY, 64, 64)
    weights = random_weights(shape, 4)
    weights["turn0.logits_bias"][NOTE] += 4
    weights["turn1.logits_bias"][1:3] += 8  # the next note is on this beat or the next
    return from_floats(weights, shape)


def prompt(beats: int = 16) -> np.ndarray:
    rows = [
        (b * TICKS, 48 + 7 * k + b % 5, TICKS, c)
        for b in range(beats)
        for k, c in enumerate(QUARTET)
    ]
    return np.array(rows, np.int64)


def test_what_is_made_begins_at_the_seam_and_lasts_as_long_as_wished(decoder: Decoder) -> None:
    seam = 16 * TICKS
    (made,) = candidates(decoder, prompt(), seam, Wish(beats=12))
    notes = made.notes
    assert len(notes) > 6
    assert notes[:, ONSET].min() >= seam
    assert notes[:, ONSET].max() < seam + 12 * TICKS
    assert (notes[:, ONSET] + notes[:, LENGTH]).max() <= seam + 12 * TICKS
    assert (notes[:, LENGTH] > 0).all()
    assert set(notes[:, PLAYER]) <= set(QUARTET)
    assert made.nll > 0


def test_notes_are_in_order_and_no_key_is_struck_while_it_sounds(decoder: Decoder) -> None:
    for made in candidates(decoder, prompt(), 16 * TICKS, Wish(beats=40, count=3)):
        notes = made.notes
        order = np.lexsort((notes[:, PLAYER], notes[:, KEY], notes[:, ONSET]))
        assert (order == np.arange(len(notes))).all()
        for code in QUARTET:
            for key in range(128):
                mine = notes[(notes[:, KEY] == key) & (notes[:, PLAYER] == code)]
                assert (mine[1:, ONSET] >= mine[:-1, ONSET] + mine[:-1, LENGTH]).all()


def test_the_seed_decides(decoder: Decoder) -> None:
    def made(seed: int) -> list[np.ndarray]:
        wish = Wish(beats=16, count=2, seed=seed)
        return [c.notes for c in candidates(decoder, prompt(), 16 * TICKS, wish)]

    one, again, other = made(7), made(7), made(8)
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not np.array_equal(one[0], one[1])
    assert not any(np.array_equal(a, b) for a in one for b in other)


def test_candidates_are_ranked_by_what_they_cost_the_network(decoder: Decoder) -> None:
    made = candidates(decoder, prompt(), 16 * TICKS, Wish(beats=8, count=4))
    assert sorted(c.number for c in made) == [1, 2, 3, 4]
    nll = [c.nll for c in made]
    assert nll == sorted(nll)
    assert len(set(nll)) == 4


def test_the_cost_is_that_of_hearing_the_same_notes(decoder: Decoder) -> None:
    """What a candidate is said to cost is what the network tells of the whole sequence."""
    from models.mmt.representation import header, note_rows

    (made,) = candidates(decoder, prompt(8), 8 * TICKS, Wish(beats=2, seed=3))
    assert 0 < len(made.notes) < 40
    raw = [row for row in decoder.rows[: decoder.count] if row[0] == NOTE]
    rows = np.concatenate(
        [header(QUARTET), note_rows(prompt(8)), raw[len(prompt(8)) :][: len(made.notes)]]
    )
    told = -decoder.log_probabilities(rows).sum(1)[-len(made.notes) :]
    assert made.nll == pytest.approx(told.mean(), rel=1e-3)


def test_the_rows_run_out_and_the_music_does_not(decoder: Decoder) -> None:
    seen: list[tuple[int, int, float]] = []
    wish = Wish(beats=300, seed=2)
    (made,) = candidates(
        decoder, prompt(), 16 * TICKS, wish, lambda *progress: seen.append(progress)
    )
    assert len(made.notes) > 4 * decoder.shape.rows
    beats = made.notes[:, ONSET] / TICKS - 16
    assert beats.max() > 290
    assert np.diff(beats).max() <= composing.LONGEST_WAIT_BEATS + 1
    assert len(seen) == len(made.notes)
    assert [notes for _, notes, _ in seen] == list(range(1, len(seen) + 1))


def test_named_instruments_play_and_no_others(decoder: Decoder) -> None:
    flute, horn = code_of("flute"), code_of("horn")
    wish = Wish(beats=16, instruments=(flute, horn))
    for given, seam in ((prompt(), 16 * TICKS), (NOTHING, 0)):
        (made,) = candidates(decoder, given, seam, wish)
        assert set(made.notes[:, PLAYER]) <= {flute, horn}
        assert len(made.notes) > 8


def test_nobody_who_was_asked_for_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three, one is all but impossible to the network: it plays all the same."""
    shape = Shape(1, 64, 64, 80, IN_TURN, ROTARY, 64, 64)
    weights = random_weights(shape, 4)
    weights["turn0.logits_bias"][NOTE] += 4
    weights["turn1.logits_bias"][1:3] += 8
    weights[f"turn{INSTRUMENT}.logits_bias"][QUARTET[2]] -= 6
    stubborn = from_floats(weights, shape)
    wish = Wish(beats=128, instruments=QUARTET)
    played = candidates(stubborn, NOTHING, 0, wish)[0].notes[:, PLAYER]
    assert (played == QUARTET[2]).mean() > 0.02
    assert np.diff(np.flatnonzero(played == QUARTET[2])).max() < 100
    monkeypatch.setattr(composing, "_FAIR_NATS", 0.0)
    played = candidates(stubborn, NOTHING, 0, wish)[0].notes[:, PLAYER]
    assert QUARTET[2] not in played


def test_who_has_played_enough_is_not_favoured() -> None:
    shares, costs = composing._Shares(QUARTET), np.zeros(65)
    for code in QUARTET * 10:
        shares.hear(code)
    shares.write_costs(costs)
    assert not costs.any()
    for _ in range(40):
        shares.hear(QUARTET[0])
        shares.hear(0)  # nobody
    shares.write_costs(costs)
    assert costs[QUARTET[0]] == 0
    assert costs[QUARTET[1]] == pytest.approx(4 * (np.log(1 / 0.4) - 40 / 24), abs=0.3)
    assert np.flatnonzero(costs).tolist() == sorted(QUARTET[1:])


def test_from_nothing_the_network_names_who_plays(decoder: Decoder) -> None:
    (made,) = candidates(decoder, NOTHING, 0, Wish(beats=16, seed=5))
    codes = named(decoder, np.random.default_rng([5, 1]))
    assert set(made.notes[:, PLAYER]) <= (codes or {composing.PIANO})
    assert len(codes) <= composing.MOST_PLAYERS
    assert named(decoder, np.random.default_rng([5, 1])) == codes


def test_a_long_silence_before_the_seam_is_shortened(decoder: Decoder) -> None:
    seam = 5000 * TICKS
    (made,) = candidates(decoder, prompt(), seam, Wish(beats=8))
    assert seam <= made.notes[0, ONSET] <= seam + 9 * TICKS


def test_a_prompt_longer_than_the_network_hears(decoder: Decoder) -> None:
    (made,) = candidates(decoder, prompt(2000), 2000 * TICKS, Wish(beats=8))
    assert made.notes[0, ONSET] >= 2000 * TICKS


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"beats": 0.5}, "beats must be 1 to 2048, got 0.5"),
        ({"beats": 4, "count": 0}, "count must be 1 to 64, got 0"),
        ({"beats": 4, "seed": -1}, "seed must be 0 to"),
        ({"beats": 4, "temperature": 3}, "temperature must be 0.1 to 2, got 3"),
    ],
)
def test_a_wish_that_cannot_be_granted(wish: dict, says: str) -> None:
    with pytest.raises(ComposingError, match=says):
        Wish(**wish)
