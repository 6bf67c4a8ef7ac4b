"""The network that ships: whole, small, what its card says, the same notes as when it shipped."""

import numpy as np
import pytest

from models import registry
from models.errors import ModelError
from models.mmt import decoder as d
from models.mmt.instruments import code_of
from models.mmt.representation import NOTE, check_order, encode
from models.mmt.sampling import TOP_K, Rules
from models.mmt.shape import IN_TURN, ROTARY

ENTRY = registry.find_continuation(d.SHIPPED)
MOST_BYTES = 6_000_000


@pytest.fixture(scope="module")
def decoder() -> d.Decoder:
    return d.shipped()


def tune() -> np.ndarray:
    """Eight beats of a tune and a bass, as rows."""
    violin, cello = code_of("violin"), code_of("cello")
    notes = [(12 * b, 76 + s, 12, violin) for b, s in enumerate((0, 1, 3, 5, 3, 1, 0, -2))]
    notes += [(24 * b, 48 + s, 24, cello) for b, s in enumerate((0, 7, 5, 7))]
    return encode(np.array(notes), end=False)


def test_it_is_whole_and_has_a_card() -> None:
    assert len(registry.content(ENTRY)) < MOST_BYTES
    card = ENTRY.card.read_text(encoding="utf-8")
    for word in ("Data", "Licence", "Command", "Seed", "Hardware", "Time", "int8", ENTRY.sha256):
        assert word in card
    assert [entry.name for entry in registry.list_continuations()] == [d.SHIPPED]


def test_its_shape_is_the_cards(decoder: d.Decoder) -> None:
    shape = decoder.shape
    assert (shape.layers, shape.width, shape.inner, shape.rows) == (6, 256, 1024, 512)
    assert (shape.heads, shape.positions) == (IN_TURN, ROTARY)


def test_it_plays_the_notes_it_played_when_it_was_shipped(decoder: d.Decoder) -> None:
    """The likeliest codes: draws would hang on the last bits of a processor's arithmetic."""
    decoder.rewind(0)
    decoder.feed(tune())
    rules = Rules(filter=TOP_K, amount=0.0, may_end=False, notes_only=True)
    rows = decoder.generate(rules, np.random.default_rng(0), 6)
    assert rows.tolist() == GOLDEN
    check_order(np.concatenate([tune(), rows]))


def test_it_has_learnt_music(decoder: d.Decoder) -> None:
    """A tune in a key costs it far less than the same notes in disorder."""
    rows = tune()
    disorder = rows.copy()
    disorder[rows[:, 0] == NOTE, 3] = np.random.default_rng(1).permutation(
        np.arange(30, 30 + (rows[:, 0] == NOTE).sum())
    )
    told = [-decoder.log_probabilities(sequence).sum() for sequence in (rows, disorder)]
    assert told[0] < 0.75 * told[1]


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(ModelError, match="there is no model 'mmt_huge'; there are: mmt_small"):
        d.shipped("mmt_huge")


GOLDEN = [
    [3, 9, 1, 54, 18, 27],
    [3, 9, 1, 73, 12, 25],
    [3, 10, 1, 73, 12, 25],
    [3, 11, 1, 56, 18, 27],
    [3, 11, 1, 77, 12, 25],
    [3, 12, 1, 75, 12, 25],
]
