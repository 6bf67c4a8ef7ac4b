"""From packs to weights: what is prepared, what is asked of the network, and numpy's agreement."""

import dataclasses

import numpy as np
import pytest
import torch

from models.morph.spectrum import BINS, HOP, RATE_HZ, lead_frames
from models.transcription.network import CONTEXT, HOP_S, KEYS, LOWEST_KEY, Network, NetworkStream
from tests.training.latent_morph.tones import made_corpus
from tests.training.latent_morph.transcription.packs import write_all
from training.latent_morph.sources import NAMES, UNKNOWN, VALID_PITCH
from training.latent_morph.transcription import judging, prepare, ship, train
from training.latent_morph.transcription.choose import load_judge, load_network
from training.latent_morph.transcription.network import TranscriptionNet
from training.latent_morph.transcription.phrases import NOTE


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder of prepared phrases: 3, 1 and 1."""
    packs, out = tmp_path_factory.mktemp("packs"), tmp_path_factory.mktemp("prepared")
    write_all(packs)
    with pytest.MonkeyPatch.context() as patch:
        command = ["prepare", "--data", str(packs), "--out", str(out), "--phrases", "3", "1", "1"]
        patch.setattr("sys.argv", command)
        prepare.main()
    return out


def test_every_split_is_prepared(prepared):
    for split, count in (("train", 3), ("valid", 1), ("test", 1)):
        phrases = train.load_phrases(prepared / split)
        assert phrases.spectra.shape == (count, prepare.FRAMES, BINS)
        assert sum(len(phrases.notes_of(n)) for n in range(count)) == len(phrases.notes) > 0
    assert (prepared / "test" / "0000.flac").is_file()
    with pytest.raises(SystemExit, match="run prepare first"):
        train.load_phrases(prepared / "nothing")


def test_a_window_is_every_second_frame_of_a_phrase(prepared):
    phrases = train.load_phrases(prepared / "train")
    plain = train.window(phrases, 0, 10, 20, early=False)
    np.testing.assert_array_equal(plain, phrases.spectra[0, 10:50:2])
    early = train.window(phrases, 0, 10, 20, early=True)
    for place in (0, 200, 409):
        lead = lead_frames()[place]
        expected = phrases.spectra[0, 10 + lead : 50 + lead : 2, place]
        np.testing.assert_array_equal(early[:, place], expected)
    higher = train.window(phrases, 0, 10, 20, early=False, shift_bins=4)
    np.testing.assert_array_equal(higher[:, 4:], plain[:, :-4])
    assert (higher[:, :4] == 0).all()
    assert (train.window(phrases, 0, -100, 20, early=False) == 0).all()


def test_the_truth_of_frames():
    note = np.array([(1.0, 2.0, 60, 3, UNKNOWN)], NOTE)
    begin = round(0.9 * RATE_HZ / HOP)
    true = train.truth(note, begin, 80)
    key, at_s = 60 - LOWEST_KEY, begin * HOP / RATE_HZ + HOP_S * np.arange(80)
    held = (at_s >= 1.0) & (at_s < 2.0)
    np.testing.assert_array_equal(true["sounding"][:, key], held)
    assert abs(at_s[true["onset"][:, key].argmax()] - 1.0) <= HOP_S / 2
    assert (true["instrument"][held, key] == 3).all()
    assert (true["dynamics"] == UNKNOWN).all()
    assert true["onset"].sum() == true["onset"][:, key].sum()
    assert train.truth(note, begin, 80, shift=2)["sounding"][:, key + 2].sum() == held.sum()


@pytest.mark.slow
def test_training_goes_on_where_it_was_and_what_ships_is_what_was_trained(
    prepared, tmp_path, capsys
):
    out = tmp_path / "live.npz"
    train.train(prepared, "live", 2, out, seed=1)
    first = dict(np.load(out))
    train.train(prepared, "live", 2, out, seed=1)
    assert all((first[name] == array).all() for name, array in np.load(out).items())
    network = load_network(out)
    assert (network.early, network.lag) == (True, -1)
    train.train(prepared, "offline", 1, tmp_path / "offline.npz", seed=1, first=out)
    judging.train(train.load_phrases(prepared / "train"), made_corpus(), 1, tmp_path / "judge.npz")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["ship", "--build", str(tmp_path), "--out", str(tmp_path)])
        ship.main()
    from models import registry

    assert "sha256" in capsys.readouterr().out
    entry = registry.find_transcription("transcription_live", tmp_path)
    arrays = registry.read_weights(registry.content(entry), "live")
    assert all((arrays[name] == array).all() for name, array in network.weights.items())
    assert entry.instruments == NAMES
    assert registry.find_judge("transcription_judge", tmp_path).instruments == NAMES


def test_a_batch_in_which_nobody_knows_how_loud_it_is_costs_nothing_for_it(prepared):
    batch = train.draw(train.load_phrases(prepared / "train"), (False, 4), np.random.default_rng(0))
    unknown = torch.full_like(batch.dynamics, UNKNOWN)
    found = train.losses(TranscriptionNet(len(NAMES)), dataclasses.replace(batch, dynamics=unknown))
    assert found["dynamics"].item() == 0.0
    assert all(torch.isfinite(value) for value in found.values())


def test_numpy_agrees_with_torch():
    torch.manual_seed(0)
    net = TranscriptionNet(len(NAMES)).eval()
    levels = np.random.default_rng(0).random((20, BINS)).astype(np.float32)
    padded = torch.from_numpy(np.concatenate([np.zeros((CONTEXT, BINS), np.float32), levels]))
    with torch.no_grad():
        there, loud, who = (part[0].numpy() for part in net(padded[None]))
    stream = NetworkStream(Network(net.arrays(False, 4), NAMES))
    heard = stream.push(levels * 100 - 100)
    assert there.shape == (20, KEYS, 2)
    np.testing.assert_allclose(heard.onset, 1 / (1 + np.exp(-there[..., 0])), atol=1e-4)
    np.testing.assert_allclose(heard.sounding, 1 / (1 + np.exp(-there[..., 1])), atol=1e-4)
    for ours, theirs in ((heard.dynamics, loud), (heard.instrument, who)):
        expected = theirs - np.log(np.exp(theirs).sum(axis=2, keepdims=True))
        np.testing.assert_allclose(ours, expected, atol=1e-3)


def test_the_judge_is_trained_and_measured(prepared, tmp_path):
    corpus = made_corpus()
    phrases = train.load_phrases(prepared / "train")
    out = tmp_path / "judge.npz"
    judging.train(phrases, corpus, 3, out)
    before = np.load(out)["w0"]
    judging.train(phrases, corpus, 3, out)
    np.testing.assert_array_equal(np.load(out)["w0"], before)  # nothing was left to do
    judge = load_judge(out)
    corpus.split[:] = VALID_PITCH
    for found in (
        judging.of_phrases(judge, phrases),
        judging.of_single_notes(judge, corpus),
    ):
        assert 0 <= found["instrument"] <= 100
        assert found["dynamics"] <= found["dynamics within one"]
