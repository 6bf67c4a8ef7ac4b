"""Writes a trained live form as weights that ship: NAME.npz, and its entry and card when asked.

    python -m training.latent_morph.ship --network B-1.pt --register morph_orchestra

The latent points come from the symbol's encoder, levels and releases from laws measured on the
takes that were learnt from, the texture from what decoding leaves over on them.
"""

import argparse
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models import registry
from models.morph.voice_model import (
    BANDS,
    HARMONICS,
    KEYS,
    MorphModel,
    from_arrays,
)
from training.latent_morph import laws as velocity_laws
from training.latent_morph import prepare
from training.latent_morph.analysis import HIGHEST_HZ, band_edges_hz
from training.latent_morph.network import Pair, labels_of
from training.latent_morph.sources import DYNAMICS, INSTRUMENTS, NAMES, TRAIN, UNKNOWN, VELOCITIES
from training.latent_morph.train import restored

LOUDEST_DB = -16.0  # RMS of the loudest frame at velocity 127, the mean over an instrument's keys
LEAST_RANGE_DB = 30.0  # of velocity: most packs bring every take to one level, which says less
_SLOPE_DB = 12.0  # the most that a key's level may differ from that
_RELEASES_S = {"piano": 0.5, "guitar": 0.7, "harp": 1.6, "choir": 0.9, "organ": 0.45}
_RELEASE_S = 0.35
_FORTE = 3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", type=Path, required=True)
    parser.add_argument("--frames", type=Path, default=prepare.FRAMES)
    parser.add_argument("--out", type=Path, help="the .npz")
    parser.add_argument("--register", help="a name in models/weights")
    options = parser.parse_args()
    corpus = prepare.load(options.frames)
    network, about = restored(options.network)
    if not isinstance(network, Pair) or network.shape.form != "B":
        raise SystemExit(f"{options.network} is not of the live form")
    arrays = arrays_of(network, corpus)
    name = options.register or options.network.stem
    model = from_arrays(arrays, NAMES, name)
    if options.out:
        np.savez_compressed(options.out, **arrays)  # pyright: ignore[reportArgumentType]
        print(options.out, options.out.stat().st_size)
    if options.register:
        register(model, arrays, about, options.register)


def register(
    model: MorphModel, arrays: dict[str, np.ndarray], about: dict[str, Any], name: str
) -> None:
    """Write the weights and their entry into models/weights; the card is written by hand."""
    file = registry.WEIGHTS / f"{name}.npz"
    np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType]
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    names = ",\n".join(f'    "{instrument}"' for instrument in model.instruments)
    file.with_suffix(".toml").write_text(
        f'kind = "morph"\n'
        f'description = "{len(model.instruments)} instruments of an orchestra in one latent space"'
        f'\nfile = "{file.name}"\nsha256 = "{digest}"\nlicence = "GPL-3.0-or-later"\n'
        f"instruments = [\n{names},\n]\n",
        encoding="utf-8",
    )
    print(file, file.stat().st_size, digest, about)


def arrays_of(network: Pair, corpus: prepare.Corpus) -> dict[str, np.ndarray]:
    """Return everything a morph voice's model holds."""
    laws = velocity_laws.measure(corpus)
    low, high = key_ranges(corpus)
    pole, sizes = texture(corpus)
    arrays = {
        **_layers(network),
        "band_edges_hz": band_edges_hz(),
        "anchors": anchors(network, low, high),
        "dynamics": np.array(VELOCITIES) / 127,
        "low_keys": low,
        "high_keys": high,
        "levels_db": levels_db(corpus, laws, low, high),
        "velocity_range_db": np.maximum(laws.range_db, LEAST_RANGE_DB),
        "release_s": _releases(),
        "texture_pole": pole,
        "texture_db": sizes,
    }
    return {key: np.ascontiguousarray(value, np.float32) for key, value in arrays.items()}


def key_ranges(corpus: prepare.Corpus) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and the highest recorded key of each instrument."""
    own = [corpus.pitch[corpus.instrument == place] for place in range(len(NAMES))]
    return np.array([keys.min() for keys in own]), np.array([keys.max() for keys in own])


def anchors(network: Pair, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return z (I, 128, D, L) of every key, beyond the range that of the nearest in it."""
    table = np.empty((len(NAMES), KEYS, len(DYNAMICS), network.shape.latent), np.float32)
    keys = np.arange(KEYS)
    for place in range(len(NAMES)):
        pitch = torch.from_numpy(np.clip(keys, low[place], high[place]))
        for dynamics in range(len(DYNAMICS)):
            labels = labels_of(pitch, torch.full((KEYS,), dynamics), torch.full((KEYS,), place))
            with torch.no_grad():
                table[place, :, dynamics] = network.of_symbol(labels)[0].numpy()
    return table


def levels_db(
    corpus: prepare.Corpus, laws: velocity_laws.Laws, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Return the level of each key at velocity 127 (I, 128): its own parabola, one mean for all.

    Recordings differ in gain, so how loud one instrument is beside another is not measured.
    """
    table = np.empty((len(NAMES), KEYS), np.float32)
    for place in range(len(NAMES)):
        own = (corpus.instrument == place) & (corpus.split == TRAIN)
        pitch = corpus.pitch[own].astype(float)
        known = np.where(corpus.dynamics[own] == UNKNOWN, _FORTE, corpus.dynamics[own])
        velocity = velocity_laws.velocity_of(known)
        full = corpus.level_db[own] + laws.range_db[place] * (1 - velocity)
        degree = 2 if len(np.unique(pitch)) >= 12 else 0
        line = np.polynomial.Polynomial.fit(pitch, full, degree)
        keys = np.clip(np.arange(KEYS), low[place], high[place])
        level = line(keys)
        level -= level[int(low[place]) : int(high[place]) + 1].mean()
        table[place] = LOUDEST_DB + np.clip(level, -_SLOPE_DB, _SLOPE_DB / 2)
    return table


def texture(corpus: prepare.Corpus) -> tuple[np.ndarray, np.ndarray]:
    """Return the AR(1) coefficient (1,) and sizes (88,) of how held harmonics wander.

    Counted is what is above -45 dB and 10 dB above the noise, from its mean over 25 frames. Noise
    moves by itself: its bands wander as the quietest harmonic does.
    """
    random = np.random.default_rng(0)
    held = [
        take
        for take in np.flatnonzero(corpus.split == TRAIN)
        if not INSTRUMENTS[corpus.instrument[take]].decays
        and corpus.first[take + 1] - corpus.first[take] >= 60
    ]
    squares, products, counts = np.zeros(HARMONICS), np.zeros(HARMONICS), np.zeros(HARMONICS)
    for take in random.permutation(held)[:300]:
        levels = corpus.levels[corpus.rows(int(take))].astype(np.float32)[24:-4]
        tones, noise = levels[:, :HARMONICS], levels[:, HARMONICS:]
        hz = corpus.f0_hz[take] * np.arange(1, HARMONICS + 1)
        band = np.clip(np.searchsorted(band_edges_hz(), hz, "right") - 1, 0, BANDS - 1)
        heard = (tones > np.maximum(-45, noise[:, band] + 10)) & (hz < HIGHEST_HZ)
        wander = tones - _smooth(tones, 25)
        squares += (wander**2 * heard).sum(0)
        products += (wander[1:] * wander[:-1] * (heard[1:] & heard[:-1])).sum(0)
        counts += heard.sum(0)
    size = np.sqrt(squares / np.maximum(counts, 1))
    known = np.flatnonzero(counts >= 200)
    if not len(known):
        return np.zeros(1), np.zeros(HARMONICS + BANDS)
    size = np.interp(np.arange(HARMONICS), known, size[known])
    sizes = np.concatenate([size, np.full(BANDS, size.min())])
    pole = np.array([products.sum() / squares.sum()])
    return np.clip(pole, 0, 0.98), np.clip(sizes, 0, 4)


def _smooth(levels: np.ndarray, size: int) -> np.ndarray:
    """Return the moving mean of (T, 88) over `size` frames."""
    padded = np.pad(levels, ((size // 2, size // 2), (0, 0)), "edge")
    return np.lib.stride_tricks.sliding_window_view(padded, size, 0).mean(-1)


def _layers(network: Pair) -> dict[str, np.ndarray]:
    """Return the decoder's three layers, giving dB themselves."""
    layers = [layer for layer in network.decoder if isinstance(layer, torch.nn.Linear)]
    found = {}
    for place, layer in enumerate(layers):
        found[f"w{place}"] = layer.weight.detach().numpy().T
        found[f"b{place}"] = layer.bias.detach().numpy()
    found["w2"] = found["w2"] * 20
    found["b2"] = found["b2"] * 20 - 50
    return found


def _releases() -> np.ndarray:
    """Return the seconds (I, 128) in which a released note falls by 60 dB: higher keys faster.

    The recordings' own ends are the room's and the player's; these are set by ear of the kind.
    """
    keys = np.arange(KEYS)
    rows = [_RELEASES_S.get(name, _RELEASE_S) * 2 ** ((60 - keys) / 36) for name in NAMES]
    return np.clip(rows, 0.08, 4.0)


if __name__ == "__main__":
    main()
