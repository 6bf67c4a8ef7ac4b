"""The paper's form of the morph model on onnxruntime: labels give a point, a point gives bins.

Where models.morph.voice_model is the live form, told key, velocity and age, this is what the paper
describes: the symbol's encoder says where labels (octave, pitch class, dynamics, instrument) lie in
the latent space, the signal's decoder gives the 410 bins of a spectrum there. One ONNX file holds
both, and what a player of it must know besides: the instruments, their keys, and how fast they rise
and fall, since a decoder of single frames knows nothing of time. The neural synth worker runs it,
with CUDA where onnxruntime has it; training measures it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from models import registry
from models.errors import ModelError
from models.morph.spectrum import FLOOR_DB
from models.morph.voice_model import KEYS

OCTAVES, CLASSES, DYNAMICS = 9, 12, 5
LABELS, POINTS = "labels", "points"  # inputs: one-hot (n, 26 + instruments); (m, L)
MEANS, SPREADS, BINS_DB = "means", "spreads", "bins"  # outputs: (n, L), log variances, (m, 410)
TABLES = {"low_keys": 1, "high_keys": 1, "rise_s": 1, "fall_db_s": 2}  # name: numbers each
CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


class PaperModel:
    """A loaded model. ModelError in one sentence if it is none or nothing can run it. [main]"""

    def __init__(self, content: bytes, name: str, providers: tuple[str, ...] | None = None) -> None:
        runtime = _runtime()
        self.name = name
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        there = runtime.get_available_providers()
        wanted = [one for one in providers or (CUDA, CPU) if one in there]
        try:
            self._session = runtime.InferenceSession(content, options, providers=wanted)
        except Exception as error:  # onnxruntime has exceptions of its own, of many kinds
            raise ModelError(f"{name} cannot be run: {_line(error)}") from error
        self.provider = "CUDA" if self._session.get_providers()[0] == CUDA else "CPU"
        self._only_wanted = runtime.RunOptions()
        self._only_wanted.only_execute_path_to_fetches = True
        inputs = {one.name: one.shape for one in self._session.get_inputs()}
        outputs = {one.name for one in self._session.get_outputs()}
        if set(inputs) != {LABELS, POINTS} or outputs != {MEANS, SPREADS, BINS_DB}:
            raise ModelError(
                f"{name} must have the inputs {LABELS} and {POINTS} and the outputs {MEANS}, "
                f"{SPREADS} and {BINS_DB}, it has {', '.join([*inputs, *sorted(outputs)])}"
            )
        self.latent = int(inputs[POINTS][1])
        self._read_tables(self._session.get_modelmeta().custom_metadata_map)
        width = OCTAVES + CLASSES + DYNAMICS + len(self.instruments)
        if inputs[LABELS][1] != width:
            raise ModelError(f"{name}: {LABELS} must be {width} wide, got {inputs[LABELS][1]}")
        self._no_labels = np.zeros((0, width), np.float32)
        self._no_points = np.zeros((0, self.latent), np.float32)

    def index(self, instrument: str) -> int:
        """Return an instrument's place; ModelError if there is none such. [any]"""
        if instrument not in self.instruments:
            raise ModelError(
                f"{self.name} knows no instrument '{instrument}'; "
                f"it has: {', '.join(self.instruments)}"
            )
        return self.instruments.index(instrument)

    def points(self, instrument: int) -> tuple[np.ndarray, np.ndarray]:
        """Return where an instrument's labels lie, and the deviation: (128, 5, L) float32. [any]

        A key beyond its range lies where the nearest in it does.
        """
        keys = np.clip(np.arange(KEYS), self.low_keys[instrument], self.high_keys[instrument])
        keys = keys.astype(int).repeat(DYNAMICS)
        labels = np.zeros((len(keys), self._no_labels.shape[1]), np.float32)
        rows = np.arange(len(keys))
        labels[rows, np.clip(keys // 12 - 1, 0, OCTAVES - 1)] = 1
        labels[rows, OCTAVES + keys % 12] = 1
        labels[rows, OCTAVES + CLASSES + np.tile(np.arange(DYNAMICS), KEYS)] = 1
        labels[rows, OCTAVES + CLASSES + DYNAMICS + instrument] = 1
        feed = {LABELS: labels, POINTS: self._no_points}
        means, spreads = self._session.run([MEANS, SPREADS], feed, self._only_wanted)
        shape = (KEYS, DYNAMICS, self.latent)
        return np.reshape(means, shape), np.exp(0.5 * np.reshape(spreads, shape))

    def bins(self, points: np.ndarray) -> np.ndarray:
        """Return the bins (n, 410) in dB of latent points (n, L) float32. [any]"""
        feed = {LABELS: self._no_labels, POINTS: points}
        found = self._session.run([BINS_DB], feed, self._only_wanted)[0]
        return np.maximum(np.asarray(found), np.float32(FLOOR_DB))

    def falls_db_s(self) -> np.ndarray:
        """Return how fast each key of each instrument falls while held, (I, 128) dB a second."""
        octaves = (np.arange(KEYS) - 60) / 12
        return self.fall_db_s[:, :1] * 2.0 ** (self.fall_db_s[:, 1:] * octaves)

    def _read_tables(self, metadata: dict[str, str]) -> None:
        try:
            self.instruments = tuple(json.loads(metadata["instruments"]))
            count = len(self.instruments)
            for key, width in TABLES.items():
                table = np.array(json.loads(metadata[key]), float)
                if table.shape != ((count, width) if width > 1 else (count,)):
                    raise ValueError(f"{key} has the shape {table.shape}")
                if not np.isfinite(table).all():
                    raise ValueError(f"{key} is not finite")
                setattr(self, key, table)
        except (KeyError, ValueError, TypeError) as error:
            raise ModelError(f"{self.name}: its tables cannot be read: {_line(error)}") from error

    low_keys: np.ndarray  # (I,)
    high_keys: np.ndarray
    rise_s: np.ndarray  # (I,) from 20 to 3 dB below the loudest
    fall_db_s: np.ndarray  # (I, 2) at middle C, and the octaves it doubles by an octave higher


def load(
    name: str, folder: Path = registry.WEIGHTS, providers: tuple[str, ...] | None = None
) -> PaperModel:
    """Return a registered model, its file's sha256 checked; `providers` of onnxruntime. [main]"""
    entry = registry.find_paper_morph(name, folder)
    model = PaperModel(registry.content(entry), entry.name, providers)
    if model.instruments != entry.instruments:
        raise ModelError(f"{name}: the registry and the file name different instruments")
    return model


def _runtime() -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise ModelError(
            "the neural synth needs onnxruntime, which is not installed: "
            "pip install onnxruntime (or onnxruntime-gpu)"
        ) from None
    return onnxruntime


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
