"""What ships is what was trained, in int8, and says what that costs."""

import hashlib

import numpy as np

from models.mmt.decoder import load
from models.mmt.representation import encode
from models.mmt.shape import IN_TURN, ROTARY, Shape, random_weights
from tests.training.mmt.music import sorted_piece
from training.mmt import ship
from training.mmt.network import imported
from training.mmt.train import load_network, save_weights

SHAPE = Shape(2, 64, 64, 256, IN_TURN, ROTARY, 64, 64)


def test_shipping(corpus, tmp_path, monkeypatch, capsys):
    arrays = random_weights(SHAPE, 0)
    save_weights(tmp_path / "a.npz", imported(SHAPE, arrays))
    out = tmp_path / "out.npz"
    command = ["ship", "--weights", str(tmp_path / "a.npz"), "--out", str(out)]
    command += ["--data", str(corpus), "--pieces", "2", "--onnx", str(tmp_path / "a.onnx")]
    command += ["--half", str(tmp_path / "half.npz")]
    monkeypatch.setattr("sys.argv", command)
    ship.main()
    said = capsys.readouterr().out
    assert hashlib.sha256(out.read_bytes()).hexdigest() in said
    assert "int8 against float32" in said
    assert (tmp_path / "a.onnx").stat().st_size > 1000
    half, told = (load_network(tmp_path / f"{name}.npz") for name in ("half", "a"))
    for one, two in zip(half.parameters(), told.parameters(), strict=True):
        np.testing.assert_allclose(one.detach(), two.detach(), rtol=1e-3, atol=1e-5)
    decoder = load(out)
    assert decoder.shape == SHAPE
    assert (decoder.log_probabilities(encode(sorted_piece(0, 20))) < 0).all()
    assert np.array_equal(decoder.weights.starts, SHAPE.starts)
