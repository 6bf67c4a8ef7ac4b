"""Excerpts: right rows, random beats and keys, an end only where the piece ends, seeded batches."""

from itertools import pairwise

import numpy as np
import pytest
from torch.utils.data import DataLoader

from models.mmt.representation import NOTE, TYPE, check_order, encode
from training.mmt.data import KINDS, Corpus, Excerpts, padded


@pytest.fixture
def train(corpus):
    return Corpus(corpus, "train")


def test_an_excerpt_is_what_encoding_gives(train):
    for i, notes in enumerate(train.pieces[:10]):
        assert np.array_equal(train.excerpt(i, 0, KINDS["mmt"], 1024), encode(notes))
        later = notes[notes[:, 0] >= 60].copy()
        later[:, 0] -= 60
        later[:, 1] += 2
        assert np.array_equal(train.excerpt(i, 5, KINDS["mmt"], 1024, shift=2), encode(later))


def test_only_a_piece_that_ends_has_an_end(train):
    whole = train.excerpt(0, 0, KINDS["mmt"], 1024)
    assert whole[-1, TYPE] == 4
    part = train.excerpt(0, 0, KINDS["mmt"], 60)
    assert len(part) == 60
    assert part[-1, TYPE] == NOTE
    notes = [rows[rows[:, TYPE] == NOTE] for rows in (part, whole)]
    assert np.array_equal(notes[0], notes[1][: len(notes[0])])
    check_order(part)


def test_long_pieces_are_cut_at_the_last_beat():
    class Long(Corpus):
        def __init__(self):
            self.pieces = [np.array([(i * 12, 60, 12, 1) for i in range(400)])]

    rows = Long().excerpt(0, 10, KINDS["mmt"], 1024)
    assert rows[-1, TYPE] == NOTE
    assert rows[-1, 1] == 256
    assert (rows[:, TYPE] == NOTE).sum() == 256
    tokens = Long().excerpt(0, 10, KINDS["remi"], 1024)
    assert len(tokens) == 1 + 64 * 5


def test_keys_that_leave_the_keyboard_are_left_out():
    class High(Corpus):
        def __init__(self):
            self.pieces = [np.array([(0, 125, 12, 1), (0, 60, 12, 1), (12, 60, 12, 1)])]

    assert (High().excerpt(0, 0, KINDS["mmt"], 99, shift=6)[:, TYPE] == NOTE).sum() == 2


def test_batches_are_seeded_whatever_makes_them(train):
    def batches(workers, start=0):
        data = Excerpts(train, KINDS["mmt"], 256, 3, (1,), start=start)
        found = []
        for batch in DataLoader(data, None, num_workers=workers):
            found.append(batch)
            if len(found) == 4:
                return found
        raise AssertionError

    one, again, later = batches(0), batches(2), batches(0, start=2)
    for (rows, lengths, counted), (others, _, _) in zip(one, again, strict=True):
        assert rows.shape == (3, lengths.max(), 6)
        assert rows.equal(others)
        assert counted == (lengths - 1).sum()
        for row, length in zip(rows, lengths, strict=True):
            check_order(row[:length].numpy())
            assert not row[length:].any()
    assert one[2][0].equal(later[0][0])
    assert not one[0][0].equal(one[1][0])


def test_a_pool_deals_out_the_same_excerpts_by_length(train):
    def batches(pool, batch, count):
        made = iter(Excerpts(train, KINDS["mmt"], 256, batch, (1,), pool=pool, multiple=32))
        return [next(made) for _ in range(count)]

    (whole, lengths, counted), *_ = batches(1, 12, 1)
    parts = batches(4, 3, 4)
    assert all(share == pytest.approx(counted / 4) for _, _, share in parts)
    assert all(rows.shape[1] % 32 == 0 or rows.shape[1] == 256 for rows, _, _ in parts)
    dealt = sorted(int(n) for _, some, _ in parts for n in some)
    assert dealt == sorted(lengths.tolist())
    spans = sorted((int(some.min()), int(some.max())) for _, some, _ in parts)
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    assert whole.shape[0] == 12


def test_excerpts_begin_anywhere_in_any_key(train):
    random = np.random.default_rng(0)
    rows = [train.random_excerpt(random, KINDS["mmt"], 64) for _ in range(200)]
    lowest = {int(r[r[:, TYPE] == NOTE][:, 3].min()) for r in rows}
    assert len(lowest) > 12
    assert all(r[r[:, TYPE] == NOTE][0, 1] == 1 for r in rows)


def test_pieces_are_drawn_by_their_power(corpus):
    even, by_notes = Corpus(corpus, "train"), Corpus(corpus, "train", power=1.0)
    assert np.allclose(np.diff(even.odds), 1)
    assert np.diff(by_notes.odds).tolist() == [len(x) for x in by_notes.pieces[1:]]


def test_other_corpora_are_left_out(corpus):
    some = Corpus(corpus, "train", ["songs"])
    assert {int(name[5:]) >= 20 for name in some.names} == {True}
    with pytest.raises(SystemExit, match="no corpus"):
        Corpus(corpus, "train", ["operas"])


def test_baselines_get_excerpts_too(train):
    random = np.random.default_rng(0)
    for name in ("mmm", "remi"):
        rows = train.random_excerpt(random, KINDS[name], 128)
        assert rows.shape[1] == 1
        assert rows[0, 0] == 0
        assert rows.max() < KINDS[name].sizes[0]


def test_padding():
    rows, lengths = padded([np.ones((2, 6)), np.ones((5, 6))], None)
    assert rows.shape == (2, 5, 6)
    assert lengths.tolist() == [2, 5]
    assert not rows[0, 2:].any()
