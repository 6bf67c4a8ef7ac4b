"""Turns trained weights into the int8 file that the step loads, and says how much that costs.

    python -m training.mmt.ship --weights build/mmt/turn.npz --out FILE.npz
    python -m training.mmt.ship --weights build/mmt/small.npz --register mmt_small

Prints size, sha256 and the NLL of both on held-out pieces. With --register NAME the file goes among
those that ship and its sha256 into the registry's entry, whose card is written by hand. With --half
FILE the weights are also written as float16, which evaluate and stream read; with --onnx FILE the
layers for onnxruntime.
"""

import argparse
import hashlib
import re
from pathlib import Path

import numpy as np
import torch

from models import registry
from models.mmt.decoder import load
from models.mmt.onnx_model import float_model, int8_model
from models.mmt.quantise import quantised, write_file
from training.mmt.data import KINDS, Corpus, padded
from training.mmt.network import imported
from training.mmt.prepare import BUILD, CORPUS
from training.mmt.train import load_weights, nll_of, save_arrays

MOST_WORSE = 0.5  # per cent


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, default=BUILD / "turn.npz")
    parser.add_argument("--out", type=Path, default=BUILD / "turn-int8.npz")
    parser.add_argument("--register", metavar="NAME", help="ship it: models/weights/NAME.npz")
    parser.add_argument("--half", type=Path, help="also write the trained weights as float16")
    parser.add_argument("--onnx", type=Path, help="also write an int8 ONNX file")
    parser.add_argument("--data", type=Path, default=CORPUS)
    parser.add_argument("--split", choices=("valid", "test"), default="valid")
    parser.add_argument("--pieces", type=int, default=20)
    options = parser.parse_args()
    shape, arrays = load_weights(options.weights)
    if options.register:
        options.out = registry.WEIGHTS / f"{options.register}.npz"
    write_file(options.out, quantised(arrays, shape), shape)
    digest = hashlib.sha256(options.out.read_bytes()).hexdigest()
    if options.register:
        register(options.out.with_suffix(".toml"), digest)
    count = sum(array.size for array in arrays.values())
    print(f"{options.out}: {count} parameters, {options.out.stat().st_size} bytes, sha256 {digest}")
    if options.half:
        half = {name: array.astype(np.float16) for name, array in arrays.items()}
        save_arrays(options.half, half, shape)
    if options.onnx:
        options.onnx.write_bytes(int8_model(float_model(arrays, shape)))
    corpus = Corpus(options.data, options.split)
    chosen = np.linspace(0, len(corpus.pieces) - 1, min(options.pieces, len(corpus.pieces)))
    excerpts = [corpus.excerpt(int(i), 0, KINDS["mmt"], shape.rows) for i in chosen.round()]
    worse = worse_by(options.out, excerpts, shape, arrays)
    said = "within" if worse <= MOST_WORSE else "NOT within"
    print(f"int8 against float32: {worse:+.3f} % NLL, {said} {MOST_WORSE} %")


def register(entry: Path, digest: str) -> None:
    """Write a file's sha256 into its registry entry, and see that it is then found whole."""
    text = entry.read_text(encoding="utf-8")
    entry.write_text(re.sub(r'^sha256 = ".*"$', f'sha256 = "{digest}"', text, flags=re.M), "utf-8")
    registry.content(registry.find_continuation(entry.stem, entry.parent))


def worse_by(path: Path, excerpts: list[np.ndarray], shape, arrays) -> float:
    """Return by how many per cent the NLL of the file's step is above the float32 network's."""
    decoder = load(path)
    told = [decoder.log_probabilities(excerpt).sum() for excerpt in excerpts]
    rows = sum(len(excerpt) - 1 for excerpt in excerpts)
    batches = [padded([excerpt], None) for excerpt in excerpts]
    network = imported(shape, arrays)
    exact = nll_of(network, batches, torch.device("cpu"), torch.inference_mode)
    return 100 * (-float(sum(told)) / rows / sum(exact.values()) - 1)


if __name__ == "__main__":
    main()
