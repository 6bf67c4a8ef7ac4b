"""Puts a trained BiLSTM of the study among those that ship, for `ripieno arrange --offline`.

    python -m training.part_separation.study.ship bach-bilstm-s1 chorales_offline

Writes models/weights/NAME.npz in float32 and its sha256 and accuracy into NAME.toml, which is
there, and checks on the test pieces that NumPy and PyTorch give the same.
"""

import argparse
import hashlib
import re
from pathlib import Path

import numpy as np
import torch

from models import offline_parts, registry
from training.part_separation.study.corpora import BUILD, MOST_NOTES, load
from training.part_separation.study.learn import logits_of
from training.part_separation.study.models import Recurrent, new_model, of_piece
from training.part_separation.study.runs import find

CLOSE = 1e-4  # between log-probabilities


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run")
    parser.add_argument("name")
    parser.add_argument("--build", type=Path, default=BUILD)
    options = parser.parse_args()
    torch.set_num_threads(1)
    run = find(options.run)
    corpus = load(run.corpus, options.build)
    model = new_model(run.model, run.inputs, len(corpus.parts), 0.0)
    saved = torch.load(options.build / "checkpoints" / f"{run.name}.pt", weights_only=True)
    model.load_state_dict(saved["model"])
    model.eval()
    assert isinstance(model, Recurrent)
    weights = exported(model)
    right = []
    for piece in corpus.test:
        notes = of_piece(piece.notes[:MOST_NOTES], len(corpus.parts))
        found = offline_parts.log_probabilities(weights, notes.onset, notes.duration, notes.pitch)
        with torch.no_grad():
            wanted = torch.log_softmax(torch.from_numpy(logits_of(model, notes)), -1).numpy()
        if np.abs(found - wanted).max() > CLOSE:
            raise SystemExit(f"{piece.name}: NumPy and PyTorch differ")
        right.append(found.argmax(1) == notes.part)
    percent = 100 * float(np.concatenate(right).mean())
    write(weights, options.name, percent)


def exported(model: Recurrent) -> dict[str, np.ndarray]:
    """The arrays of a BiLSTM as models.offline_parts reads them."""
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    weights = {name: state[f"input.{name}.weight"] for name in ("pitch", "position", "duration")}
    weights |= {"output": state["output.weight"], "output_bias": state["output.bias"]}
    ways = ("", "_reverse")
    for layer in range(offline_parts.LAYERS):
        of = f"layers.{layer}."
        weights[f"input_{layer}"] = np.stack([state[f"{of}weight_ih_l0{way}"] for way in ways])
        weights[f"recurrent_{layer}"] = np.stack([state[f"{of}weight_hh_l0{way}"] for way in ways])
        weights[f"bias_{layer}"] = np.stack(
            [state[f"{of}bias_ih_l0{way}"] + state[f"{of}bias_hh_l0{way}"] for way in ways]
        )
        norm = f"norms.{layer}."
        weights[f"norm_{layer}"] = np.stack([state[f"{norm}weight"], state[f"{norm}bias"]])
    return {name: np.ascontiguousarray(value, np.float32) for name, value in weights.items()}


def write(weights: dict[str, np.ndarray], name: str, percent: float) -> None:
    """Put the weights and what is known of them into models/weights."""
    target = registry.WEIGHTS / f"{name}.npz"
    np.savez_compressed(target, allow_pickle=False, **weights)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    entry = registry.WEIGHTS / f"{name}.toml"
    text = entry.read_text(encoding="utf-8")
    text = re.sub(r'^sha256 = ".*"$', f'sha256 = "{digest}"', text, flags=re.M)
    text = re.sub(r"^accuracy = .*$", f"accuracy = {percent:.2f}", text, flags=re.M)
    entry.write_text(text, encoding="utf-8")
    count = sum(array.size for array in weights.values())
    print(f"{target}: {count} parameters, {target.stat().st_size} bytes, {percent:.2f} %")


if __name__ == "__main__":
    main()
