"""Puts the trained networks among the weights that ship, with their entries in the registry.

``python -m training.latent_morph.transcription.ship`` writes models/weights/transcription.npz,
transcription_live.npz and transcription_judge.npz with their .toml; the cards beside them are
written by hand.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np

from models.registry import WEIGHTS
from training.latent_morph.sources import NAMES
from training.latent_morph.transcription.choose import load_judge, load_network
from training.latent_morph.transcription.prepare import TRANSCRIPTION

MODELS = {
    "transcription": ("offline", "Hears notes, and who plays them, in recordings of one or two"),
    "transcription_live": ("live", "Hears notes while they sound, a tenth of a second late"),
}
PROGRAMS = {
    "violin": 40,
    "viola": 41,
    "cello": 42,
    "double bass": 43,
    "flute": 73,
    "oboe": 68,
    "clarinet": 71,
    "bassoon": 70,
    "saxophone": 65,
    "french horn": 60,
    "trumpet": 56,
    "trombone": 57,
    "guitar": 24,
    "harp": 46,
    "piano": 0,
    "organ": 19,
    "choir": 52,
}
JUDGE = "Says who plays a note that was found, and how loud"
LICENCE = "GPL-3.0-or-later"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=TRANSCRIPTION)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    for name, (form, description) in MODELS.items():
        arrays = load_network(options.build / f"{form}.npz").weights
        programs = ", ".join(str(PROGRAMS[name]) for name in NAMES)
        more = [f"programs = [{programs}]"]
        ship(arrays, options.out / f"{name}.npz", "transcription", description, more)
    arrays = load_judge(options.build / "judge.npz").weights
    ship(arrays, options.out / "transcription_judge.npz", "transcription judge", JUDGE, [])


def ship(
    arrays: dict[str, np.ndarray], target: Path, kind: str, description: str, more: list[str]
) -> None:
    """Write checked weights and their entry."""
    np.savez_compressed(target, allow_pickle=False, **arrays)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    names = ", ".join(f'"{name}"' for name in NAMES)
    lines = [
        f'kind = "{kind}"',
        f'description = "{description}"',
        f'file = "{target.name}"',
        f'sha256 = "{digest}"',
        f'licence = "{LICENCE}"',
        f"instruments = [{names}]",
        *more,
    ]
    target.with_suffix(".toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{target.name}: {target.stat().st_size} bytes, sha256 {digest}")


if __name__ == "__main__":
    main()
