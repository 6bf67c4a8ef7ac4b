"""Writes a trained pair of the paper's form as the ONNX file of the neural synth.

    python -m training.latent_morph.ship_paper --network wide-1.pt --register morph_paper

The symbol's encoder and the signal's decoder, their weights as whole numbers of 8 bits with a scale
for each unit: a quarter of the size, and the bins move by a tenth of a decibel. onnxruntime makes
plain numbers of them when it loads. Beside them stand the instruments' keys, and how fast they rise
and fall, measured on the takes that were learnt from.
"""

import argparse
import hashlib
import io
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from models import registry
from models.morph.paper_model import BINS_DB, LABELS, MEANS, POINTS, SPREADS, PaperModel
from models.morph.spectrum import HOP_S
from training.latent_morph import prepare
from training.latent_morph.analysis import total_db
from training.latent_morph.network import SIZES, Pair
from training.latent_morph.ship import key_ranges
from training.latent_morph.sources import INSTRUMENTS, NAMES, TRAIN
from training.latent_morph.train import restored

OPSET = 17


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", type=Path, required=True)
    parser.add_argument("--frames", type=Path, default=prepare.FRAMES)
    parser.add_argument("--out", type=Path, help="the .onnx")
    parser.add_argument("--register", help="a name in models/weights")
    options = parser.parse_args()
    network, about = restored(options.network)
    if not isinstance(network, Pair) or network.shape.form != "A":
        raise SystemExit(f"{options.network} is not of the paper's form")
    content = exported(network, tables_of(prepare.load(options.frames)))
    PaperModel(content, options.network.stem)
    if options.out:
        options.out.write_bytes(content)
        print(options.out, len(content))
    if options.register:
        register(content, about, options.register)


def register(content: bytes, about: dict[str, Any], name: str) -> None:
    """Write the weights and their entry into models/weights; the card is written by hand."""
    file = registry.WEIGHTS / f"{name}.onnx"
    file.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    names = ",\n".join(f'    "{instrument}"' for instrument in NAMES)
    file.with_suffix(".toml").write_text(
        f'kind = "paper morph"\n'
        f'description = "{len(NAMES)} instruments in one latent space, bins in, bins out"\n'
        f'file = "{file.name}"\nsha256 = "{digest}"\nlicence = "GPL-3.0-or-later"\n'
        f"instruments = [\n{names},\n]\n",
        encoding="utf-8",
    )
    print(file, len(content), digest, about)


def exported(network: Pair, tables: dict[str, Any]) -> bytes:
    """Return the ONNX file of a pair of form A, with its tables."""
    both = _Both(network).eval()
    given = (torch.zeros(2, sum(SIZES)), torch.zeros(2, network.shape.latent))
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the exporter that needs no more
        torch.onnx.export(
            both,
            given,
            file,  # pyright: ignore[reportArgumentType]  # what it says of files is not all
            dynamo=False,
            opset_version=OPSET,
            do_constant_folding=False,  # it would make plain numbers of the weights
            input_names=[LABELS, POINTS],
            output_names=[MEANS, SPREADS, BINS_DB],
            dynamic_axes={
                LABELS: {0: "labels_"},
                POINTS: {0: "points_"},
                MEANS: {0: "labels_"},
                SPREADS: {0: "labels_"},
                BINS_DB: {0: "points_"},
            },
        )
    model = onnx.load_from_string(file.getvalue())
    onnx.helper.set_model_props(model, {key: json.dumps(value) for key, value in tables.items()})
    return model.SerializeToString()


class _Both(nn.Module):
    """The two halves that a player needs, in numbers of 8 bits."""

    def __init__(self, network: Pair) -> None:
        super().__init__()
        self.symbol = _small(network.symbol_encoder)
        self.decoder = _small(network.decoder)

    def forward(self, labels: Tensor, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        means, spreads = self.symbol(labels).chunk(2, 1)
        return means, spreads.clamp(-8, 2), self.decoder(points) * 25 - 70


class _Small(nn.Module):
    """A layer whose weights are whole numbers from -127 to 127 times a scale for each unit."""

    whole: Tensor
    scale: Tensor
    bias: Tensor

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        weight = layer.weight.detach()
        scale = weight.abs().amax(1, keepdim=True).clamp(min=1e-8) / 127
        self.register_buffer("whole", torch.round(weight / scale).to(torch.int8))
        self.register_buffer("scale", scale)
        self.register_buffer("bias", layer.bias.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.whole.float() * self.scale, self.bias)


def _small(layers: nn.Sequential) -> nn.Sequential:
    return nn.Sequential(*(_Small(one) if isinstance(one, nn.Linear) else one for one in layers))


def tables_of(corpus: prepare.Corpus) -> dict[str, Any]:
    """Return what a player must know beside the network."""
    low, high = key_ranges(corpus)
    rises, falls = [], []
    for place, instrument in enumerate(INSTRUMENTS):
        takes = np.flatnonzero((corpus.split == TRAIN) & (corpus.instrument == place))
        levels = [total_db(corpus.levels[corpus.rows(int(t))].astype(np.float32)) for t in takes]
        rises.append(round(float(np.median([_rise_s(level) for level in levels])), 4))
        falls.append(_fall(corpus.pitch[takes], levels) if instrument.decays else [0.0, 0.0])
    return {
        "instruments": list(NAMES),
        "low_keys": low.tolist(),
        "high_keys": high.tolist(),
        "rise_s": rises,
        "fall_db_s": falls,
    }


def _rise_s(level_db: np.ndarray) -> float:
    """Return from 20 to 3 dB below the loudest of the first 0.6 s, a frame at the least."""
    begin = level_db[: int(0.6 / HOP_S)]
    late = int(np.argmax(begin >= begin.max() - 3))
    early = np.flatnonzero(begin[: late + 1] < begin.max() - 20)
    return max(late - (int(early[-1]) if len(early) else 0), 1) * HOP_S


def _fall(pitch: np.ndarray, levels: list[np.ndarray]) -> list[float]:
    """Return dB a second at middle C, and the octaves by which it grows an octave higher."""
    slopes = []
    for level in levels:
        peak = int(level.argmax())
        held = level[peak : peak + int(1.5 / HOP_S)]
        time = np.arange(len(held)) * HOP_S
        slopes.append(max(-np.polyfit(time, held, 1)[0], 1.0) if len(held) > 8 else 20.0)
    growth, middle = np.polyfit((pitch.astype(float) - 60) / 12, np.log2(slopes), 1)
    return [round(float(2**middle), 3), round(float(growth), 3)]


if __name__ == "__main__":
    main()
