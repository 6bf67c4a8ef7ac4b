"""The two autoencoders in PyTorch, the plain classifier beside them, and their losses.

Form A is the paper's: the signal's decoder gives back the encoder's bins. Form B is the live one:
its decoder is told key, velocity and age besides the latent point, and gives harmonics and noise.
In both the symbol's autoencoder reads and writes four labels, and the two latents are matched.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.morph.spectrum import BINS
from models.morph.voice_model import FEATURES, LEVELS
from training.latent_morph.sources import HEADS, OCTAVES

SIZES = tuple(HEADS.values())
NOTHING = -1  # no label


@dataclass(frozen=True)
class Shape:
    """What a pair is made of."""

    form: str = "B"
    latent: int = 16
    encoder: int = 384
    decoder: int = 128
    symbol: int = 256
    dropout: float = 0.0  # of the encoder's units, while it learns

    def __post_init__(self) -> None:
        if self.form not in ("A", "B"):
            raise ValueError(f"form must be A or B, got {self.form}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be from 0 to below 1, got {self.dropout}")


def scaled(spectra: Tensor) -> Tensor:
    """Return spectra in dB as the networks read them."""
    return (spectra + 70) / 25


def one_hot(labels: Tensor) -> Tensor:
    """Return labels (n, 4) as (n, 26 + instruments) of 0 and 1; a label that lacks is all 0."""
    parts = []
    for column, size in enumerate(SIZES):
        label = labels[:, column]
        parts.append(functional.one_hot(label.clamp(min=0), size) * (label >= 0)[:, None])
    return torch.cat(parts, 1).float()


def labels_of(pitch: Tensor, dynamics: Tensor, instrument: Tensor) -> Tensor:
    """Return octave, pitch class, dynamics and instrument (n, 4); key 12 begins octave 0."""
    octave = (pitch // 12 - 1).clamp(0, OCTAVES - 1)
    return torch.stack([octave, pitch % 12, dynamics, instrument], 1).long()


class Resting(nn.Module):
    """ReLU, a share of whose units rests while the network learns."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, units: Tensor) -> Tensor:
        """Return what the units give."""
        return functional.dropout(functional.relu(units), self.share, self.training)


def layers(inner: int, hidden: int, outer: int, dropout: float = 0.0) -> nn.Sequential:
    """Return two layers of `hidden` units, `dropout` of them resting, and one out of them."""
    return nn.Sequential(
        nn.Linear(inner, hidden), Resting(dropout),
        nn.Linear(hidden, hidden), Resting(dropout),
        nn.Linear(hidden, outer),
    )  # fmt: skip


class Pair(nn.Module):
    """A signal's and a symbol's autoencoder."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        latent = shape.latent
        out, told = (BINS, 0) if shape.form == "A" else (LEVELS, FEATURES)
        self.encoder = layers(BINS, shape.encoder, 2 * latent, shape.dropout)
        self.decoder = layers(latent + told, shape.decoder, out)
        self.symbol_encoder = layers(sum(SIZES), shape.symbol, 2 * latent)
        self.symbol_decoder = layers(latent, shape.symbol, sum(SIZES))

    def of_signal(self, spectra: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance (n, L) of spectra (n, 410) in dB."""
        mean, spread = self.encoder(scaled(spectra)).chunk(2, 1)
        return mean, spread.clamp(-8, 2)

    def of_symbol(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance (n, L) of labels (n, 4)."""
        mean, spread = self.symbol_encoder(one_hot(labels)).chunk(2, 1)
        return mean, spread.clamp(-8, 2)

    def signal(self, z: Tensor, features: Tensor) -> Tensor:
        """Return levels (n, 88) in dB, or in form A bins (n, 410) in dB."""
        if self.shape.form == "A":
            return self.decoder(z) * 25 - 70
        return self.decoder(torch.cat([z, features], 1)) * 20 - 50

    def symbol(self, z: Tensor) -> tuple[Tensor, ...]:
        """Return the logits of the four labels."""
        return self.symbol_decoder(z).split(SIZES, 1)


class Classifier(nn.Module):
    """The labels straight from the spectrum."""

    def __init__(self, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.layers = layers(BINS, hidden, sum(SIZES), dropout)

    def forward(self, spectra: Tensor) -> tuple[Tensor, ...]:
        """Return the logits of the four labels of spectra (n, 410) in dB."""
        return self.layers(scaled(spectra)).split(SIZES, 1)


def drawn(mean: Tensor, spread: Tensor) -> Tensor:
    """Return a point of each distribution."""
    return mean + torch.randn_like(mean) * (0.5 * spread).exp()


def divergence(
    mean: Tensor, spread: Tensor, to_mean: Tensor | None = None, to_spread: Tensor | None = None
) -> Tensor:
    """Return the mean KL divergence of Gaussians to others, or to the standard one."""
    other_mean = torch.zeros_like(mean) if to_mean is None else to_mean
    other_spread = torch.zeros_like(mean) if to_spread is None else to_spread
    gap = (spread.exp() + (mean - other_mean) ** 2) / other_spread.exp() - 1 + other_spread - spread
    return 0.5 * gap.sum(1).mean()


def label_loss(logits: tuple[Tensor, ...], labels: Tensor) -> Tensor:
    """Return the cross-entropy of the labels that are there, summed over the four."""
    return torch.stack(
        [
            functional.cross_entropy(logit, labels[:, column], ignore_index=NOTHING)
            for column, logit in enumerate(logits)
        ]
    ).sum()
