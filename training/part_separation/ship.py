"""Puts trained weights among those that ship: models/weights/chorales.npz and its registry entry.

Run last by run.sh. The card beside them, chorales.md, is written by hand from evaluate's figures.
"""

import argparse
import hashlib
import re
from pathlib import Path

import numpy as np

from engine.rt.network import new_network
from models import registry
from training.part_separation.prepare import BUILD


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", nargs="?", type=Path, default=BUILD / "chorales.npz")
    ship(parser.parse_args().weights, "chorales", registry.WEIGHTS)


def ship(trained: Path, name: str, folder: Path) -> None:
    """Write `folder`/NAME.npz in float32 and its sha256 into the entry NAME.toml."""
    with np.load(trained) as archive:
        weights = {key: archive[key].astype(np.float32) for key in sorted(archive.files)}
    new_network(weights)  # refuses what the engine could not load
    target = folder / f"{name}.npz"
    np.savez_compressed(target, allow_pickle=False, **weights)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    entry = folder / f"{name}.toml"
    text = entry.read_text(encoding="utf-8")
    entry.write_text(re.sub(r'^sha256 = ".*"$', f'sha256 = "{digest}"', text, flags=re.M), "utf-8")
    registry.load(registry.find(name, folder))
    count = sum(array.size for array in weights.values())
    print(f"{target}: {count} parameters, {target.stat().st_size} bytes, sha256 {digest}")


if __name__ == "__main__":
    main()
