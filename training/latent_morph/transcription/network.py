"""The network of models.transcription.network in torch, the same arrays under the same names."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from models.transcription.network import (
    DYNAMICS,
    KEYS,
    SECOND_STEP,
    SPREAD,
    harmonic_bins,
    shapes,
)


class TranscriptionNet(nn.Module):
    """Spectra (batch, frames + CONTEXT, 410) of 0..1 in, logits of the last `frames` out."""

    def __init__(self, instruments: int) -> None:
        super().__init__()
        self.weights = nn.ParameterDict(
            {
                name: nn.Parameter(_begin(name, shape))
                for name, shape in shapes(instruments).items()
                if name != "timing"
            }
        )
        self.bins = torch.from_numpy(harmonic_bins())
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return onset and sounding (b, n, 88, 2), dynamics (b, n, 88, 5), instrument logits."""
        w = self.weights
        x = functional.pad(x, (0, 1))[:, :, self.bins]
        x = torch.relu(x @ w["into"] + w["key"])
        x = torch.relu(_over_time(x, w["first"], 1) + w["first_bias"])
        batch, frames = x.shape[:2]
        narrow = torch.relu(x @ w["narrow"] + w["narrow_bias"]).reshape(batch, frames, -1)
        common = self.dropout(torch.relu(narrow @ w["common"] + w["common_bias"]))
        spread = torch.relu(common @ w["spread"] + w["spread_bias"])
        x = torch.cat([x, spread.reshape(batch, frames, KEYS, SPREAD)], dim=3)
        x = torch.relu(_over_time(x, w["second"], SECOND_STEP) + w["second_bias"])
        x = x @ w["out"] + w["out_bias"]
        loud = 2 + len(DYNAMICS)
        return x[..., :2], x[..., 2:loud], x[..., loud:]

    def take(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Begin with the weights of a file."""
        with torch.no_grad():
            for name, value in self.weights.items():
                value.copy_(torch.from_numpy(arrays[name]))

    def arrays(self, early: bool, lag: int) -> dict[str, np.ndarray]:
        """Return what a weights file holds."""
        found = {name: value.detach().numpy().copy() for name, value in self.weights.items()}
        return {"timing": np.array([early, lag], np.float32)} | found


def _begin(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Return a weight's first value: as loud out as in; rare events are unlikely at first."""
    if name == "out_bias":
        return torch.cat([torch.full((2,), -3.0), torch.zeros(shape[0] - 2)])
    if name.endswith("bias") or name == "key":
        return torch.zeros(shape)
    inputs = int(np.prod(shape[:-1]))
    return torch.randn(shape) * (2 / inputs) ** 0.5


def _over_time(x: torch.Tensor, weights: torch.Tensor, step: int) -> torch.Tensor:
    """Return each frame's weighted sum with those before it, as far as there are enough."""
    count = x.shape[1] - (len(weights) - 1) * step
    total = x[:, :count] @ weights[0]
    for tap in range(1, len(weights)):
        total = total + x[:, tap * step : tap * step + count] @ weights[tap]
    return total
