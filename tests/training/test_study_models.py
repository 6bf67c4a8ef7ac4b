"""The study's networks: what they may see, what hints do, runs that go on and measure."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from training.part_separation.study import learn
from training.part_separation.study.corpora import Chorale, Corpus
from training.part_separation.study.models import (
    MODELS,
    TIMES,
    Inputs,
    NoteInput,
    new_model,
    of_piece,
    stacked,
)
from training.part_separation.study.runs import CLOSE, Run, runs


def piece(n=60, seed=0, classes=4):
    random = np.random.default_rng(seed)
    part = np.arange(n) % classes
    pitch = 75 - 8 * part + random.integers(-2, 3, n)
    notes = np.stack([np.arange(n) // classes * 24, np.full(n, 24), pitch, part], axis=1)
    return notes[np.lexsort((part, notes[:, 2], notes[:, 0]))].astype(np.int32)


@pytest.mark.parametrize("name", MODELS)
def test_online_models_see_nothing_later(name):
    torch.manual_seed(0)
    model = new_model(name, Inputs(), 4, 0.0).eval()
    notes = of_piece(piece(), 4)
    changed = notes.transposed(0)
    changed.pitch[30:] += 7
    one, two = (learn_logits(model, row) for row in (notes, changed))
    same = np.abs(one[:30] - two[:30]).max() < 1e-4
    assert same == (name in ("lstm", "decoder"))


def learn_logits(model, notes):
    with torch.no_grad():
        columns, there = stacked([notes])
        return model(columns, there)[0].numpy()


@pytest.mark.parametrize("name", MODELS)
def test_what_pads_a_batch_changes_nothing(name):
    torch.manual_seed(0)
    model = new_model(name, Inputs(duration=True, entry_hints=True), 4, 0.0).eval()
    short, long = of_piece(piece(20), 4), of_piece(piece(60, 1), 4)
    with torch.no_grad():
        columns, there = stacked([short, long])
        together = model(columns, there)[0, :20].numpy()
    if name != "bilstm":  # hears the padding's silence first, from the right
        np.testing.assert_allclose(together, learn_logits(model, short), atol=1e-4)


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("embedding", [True, False])
def test_inputs_are_as_wide_as_they_say(time, embedding):
    inputs = Inputs(embedding, time, duration=True, entry_hints=True, pitch_hints=True)
    columns, _ = stacked([of_piece(piece(), 4)])
    layer = NoteInput(inputs, 4)
    assert layer(columns).shape == (1, 60, layer.size)


def test_entry_hints_are_steps_for_every_part_also_the_last():
    notes = np.array([[0, 24, 60, 1], [24, 24, 62, 1], [24, 24, 72, 0], [48, 24, 40, 2]])
    row = of_piece(notes, 4)
    assert row.entered.tolist() == [[0, 1, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0]]
    assert row.mean_pitch[0].tolist() == [72, 61, 40, 0]


def test_pitch_hints_move_with_the_key_and_silence_stays():
    notes = np.array([[0, 24, 60, 0], [24, 24, 62, 0]])
    row = of_piece(notes, 2).transposed(5)
    assert row.pitch.tolist() == [65, 67]
    assert row.mean_pitch[0].tolist() == [66, 0]


def test_an_unknown_time_encoding_is_refused():
    with pytest.raises(ValueError, match="raw time"):
        Inputs(time="sundial")


def test_run_names_are_unique():
    names = [run.name for run in runs()]
    assert len(set(names)) == len(names)


def small(model):
    return Run("bach", model, Inputs(), updates=60, batch=8, steps=40, rate=1e-2)


def corpus():
    pieces = [Chorale(f"{i}", piece(seed=i)) for i in range(6)]
    return Corpus("bach", ("s", "a", "t", "b"), pieces[:4], pieces[4:5], pieces[5:])


@pytest.mark.parametrize("model", ["lstm", "decoder"])
def test_parts_an_octave_apart_are_learnt(model, tmp_path, monkeypatch):
    monkeypatch.setattr(learn, "WARM_UP", 5)
    run = small(model)
    trained, _ = learn.train(run, corpus(), tmp_path)
    result = learn.measured(run, corpus(), trained)
    assert result["test"] > 90
    assert result["test_notes"] == 60


def test_a_stopped_run_goes_on(tmp_path):
    run = replace(small("lstm"), updates=5)
    model, _ = learn.train(run, corpus(), tmp_path)
    again, _ = learn.train(run, corpus(), tmp_path)  # nothing is left to do
    for a, b in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_transformers_windows_cover_a_long_piece():
    model = new_model("encoder", Inputs(), 4, 0.0)
    notes = of_piece(piece(130), 4)
    labels = learn.predicted(model, notes, 40)
    assert labels.shape == (130,)
    whole = learn.predicted(model, notes.cut(0, 40), 40)
    assert (labels[:10] == whole[:10]).all()


def test_close_claims_have_three_seeds():
    for words in CLOSE:
        name = words.replace(" ", "-")
        found = [run for run in runs() if run.name.startswith(f"{name}-s")]
        assert [run.seed for run in found] == [1, 2, 3]
        assert len({(run.inputs, run.updates, run.transpose) for run in found}) == 1
