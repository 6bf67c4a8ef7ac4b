"""Small sounds and packs of our own, as the recordings that are not here."""

import csv
from pathlib import Path

import numpy as np
import soundfile

RATE_HZ = 24000


def tone(pitch: float, seconds: float = 1.0, rise_s: float = 0.02, seed: int = 0) -> np.ndarray:
    """Return eight harmonics falling by 6 dB each, and a little noise."""
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    hz = 440 * 2 ** ((pitch - 69) / 12)
    sound = sum(0.3 * 0.5**n * np.sin(2 * np.pi * hz * (n + 1) * time) for n in range(8))
    noise = 0.001 * np.random.default_rng(seed).normal(size=len(time))
    return ((sound + noise) * np.minimum(1, time / rise_s)).astype(np.float32)


def write_packs(folder: Path) -> None:
    """Write three packs with a few notes of three instruments."""
    notes = [
        ("cello", pitch, dynamics, 20.0)
        for pitch in range(48, 60)
        for dynamics in ("piano", "forte")
    ]
    notes += [("trombone", 60, "forte", -1200.0), ("cello", 60, "forte", 61.0)]
    _pack(
        folder / "singlenote_philharmonia",
        [
            {
                "instrument": name,
                "midi": pitch,
                "dynamics": dynamics,
                "articulation": "arco-normal",
                "f0_cents_err": cents,
                "source": f"{name}_{pitch}_{dynamics}.mp3",
            }
            for name, pitch, dynamics, cents in notes
        ],
    )
    _pack(
        folder / "singlenote_piano_splendid",
        [
            {
                "instrument": "piano",
                "bank": "piano_mf",
                "midi": pitch,
                "dynamics": "mezzo-forte",
                "f0_cents_err": -1200.0,
                "source": f"MF {pitch}.flac",
            }
            for pitch in range(40, 72, 4)
        ],
    )
    _pack(
        folder / "singlenote_gm_fluidr3",
        [
            {"program": program, "midi": pitch, "f0_cents_err": 0, "sample": f"{program} {pitch}"}
            for program, pitch in ((56, 60), (56, 64), (19, 60), (19, 90))
        ],
    )


def _pack(folder: Path, rows: list[dict]) -> None:
    """Write labels.csv and the banks its rows name."""
    (folder / "bank").mkdir(parents=True)
    sounds: dict[str, list[np.ndarray]] = {}
    for row in rows:
        name = row.get("bank") or row.get("instrument") or f"{row['program']:03d}"
        bank = sounds.setdefault(name, [])
        row["start"] = sum(map(len, bank))
        bank.append(tone(row["midi"], 0.4, seed=row["midi"]))
        row["n"] = len(bank[-1])
        bank.append(np.zeros(1200, np.float32))
    for name, parts in sounds.items():
        soundfile.write(folder / "bank" / f"{name}.ogg", np.concatenate(parts), RATE_HZ)
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def made_corpus(frames: int = 30):
    """Return a corpus of every instrument without an analysis: six keys, soft and loud."""
    from models.morph.spectrum import BINS, bin_of
    from training.latent_morph.prepare import Corpus
    from training.latent_morph.sources import INSTRUMENTS, TEST_PITCH, TRAIN, VALID_PITCH

    rows = [(i, key, d) for i in range(len(INSTRUMENTS)) for key in range(55, 61) for d in (1, 3)]
    instrument, pitch, dynamics = np.array(rows, np.int16).T
    spectra = np.full((len(rows), frames, BINS), -80, np.float16)
    levels = np.full((len(rows), frames, 88), -70, np.float16)
    for row, (place, key, loud) in enumerate(rows):
        for n in range(8):
            fall = -6 - n * (1 + place / 2 - loud / 3)
            spectra[row, :, round(bin_of(key + 12 * np.log2(n + 1)))] = fall - 20 + 4 * loud
            levels[row, :, n] = fall
    split = np.full(len(rows), TRAIN, np.int16)
    split[pitch == 58] = TEST_PITCH
    split[pitch == 57] = VALID_PITCH
    return Corpus(
        spectra.reshape(-1, BINS),
        levels.reshape(-1, 88),
        np.arange(len(rows) + 1) * frames,
        instrument,
        pitch,
        dynamics,
        split,
        level_db=(-30 + 6 * dynamics).astype(np.float32),
        f0_hz=(440 * 2 ** ((pitch - 69) / 12)).astype(np.float32),
        stretch=np.zeros(len(rows), np.float32),
    )
