"""Puts trained weights among those that ship: models/weights/NAME.npz and its registry entry.

Run last by run.sh and run_others.sh. The card beside them, NAME.md, is written by hand from the
same figures.
"""

import argparse
import hashlib
import json
import re
from pathlib import Path

import numpy as np

from engine.rt.network import new_network
from models import registry
from training.part_separation.prepare import BUILD


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="?", default="chorales")
    parser.add_argument("--build", type=Path, default=BUILD, help="has NAME.npz and NAME.json")
    options = parser.parse_args()
    name = options.name
    ship(options.build / f"{name}.npz", options.build / f"{name}.json", name, registry.WEIGHTS)


def ship(trained: Path, figures: Path, name: str, folder: Path) -> None:
    """Write `folder`/NAME.npz in float32; its sha256 and live accuracy into the entry NAME.toml."""
    with np.load(trained) as archive:
        weights = {key: archive[key].astype(np.float32) for key in sorted(archive.files)}
    new_network(weights)  # refuses what the engine could not load
    target = folder / f"{name}.npz"
    np.savez_compressed(target, allow_pickle=False, **weights)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    entry = folder / f"{name}.toml"
    text = entry.read_text(encoding="utf-8")
    text = re.sub(r'^sha256 = ".*"$', f'sha256 = "{digest}"', text, flags=re.M)
    pairs = ", ".join(f"[{ms}, {percent:.2f}]" for ms, percent in live_accuracy(figures))
    text = re.sub(r"^live_accuracy = .*$", f"live_accuracy = [{pairs}]", text, flags=re.M)
    entry.write_text(text, "utf-8")
    registry.load(registry.find(name, folder))
    count = sum(array.size for array in weights.values())
    print(f"{target}: {count} parameters, {target.stat().st_size} bytes, sha256 {digest}")


def live_accuracy(figures: Path) -> list[tuple[int, float]]:
    """Return (chord window in ms, percent) of the network live, as evaluate wrote them."""
    rows = json.loads(figures.read_text(encoding="utf-8"))["rows"]
    live = next(r for r in rows if (r["conditions"], r["by"]) == ("live", "network"))
    return [(int(key.split()[0]), value) for key, value in live.items() if key.endswith(" ms")]


if __name__ == "__main__":
    main()
