"""Single notes of instruments: reads the packs, drops what is mislabelled, splits what remains.

Three packs, each a folder DATA/NAME or an archive DATA/NAME.tar.zst (unpacked into the build
folder): labels.csv names every note's place in a bank of Ogg files at 24 kHz. An `Instrument` says
which rows it is made of. Of every instrument whole keys are held out, and of the keys that
remain single recordings: for validation and for the test, the same ones each time.
"""

import csv
import subprocess
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile

RATE_HZ = 24000
BUILD = Path("build/latent_morph")
PHILHARMONIA = "singlenote_philharmonia"
SPLENDID = "singlenote_piano_splendid"
FLUIDR3 = "singlenote_gm_fluidr3"
DYNAMICS = ("pp", "p", "mf", "f", "ff")
VELOCITIES = (33, 49, 72, 96, 112)  # what each stands for
UNKNOWN = -1  # a recording without a label of dynamics
UNKNOWN_VELOCITY = 96
_DYNAMICS = {
    "molto-pianissimo": 0,
    "pianissimo": 0,
    "piano": 1,
    "mezzo-piano": 2,
    "mezzo-forte": 2,
    "forte": 3,
    "fortissimo": 4,
}
_ARTICULATIONS = ("normal", "arco-normal", "non-vibrato")
WORST_CENTS = 60  # a label further from the measured frequency is not believed
TRAIN, VALID_PITCH, VALID_TAKE, TEST_PITCH, TEST_TAKE = range(5)
SPLITS = ("train", "valid pitch", "valid take", "test pitch", "test take")


@dataclass(frozen=True)
class Instrument:
    """A name of ours, and the rows of a pack it is made of."""

    name: str
    family: str
    pack: str
    key: str  # the pack's name of it, or its General MIDI program
    decays: bool = False  # plucked or struck: falls from its beginning
    highest: int = 127  # a key above sounds other pipes than its own


INSTRUMENTS = (
    Instrument("violin", "strings", FLUIDR3, "40"),
    Instrument("viola", "strings", FLUIDR3, "41"),
    Instrument("cello", "strings", PHILHARMONIA, "cello"),
    Instrument("double bass", "strings", PHILHARMONIA, "double-bass"),
    Instrument("flute", "woodwinds", PHILHARMONIA, "flute"),
    Instrument("oboe", "woodwinds", PHILHARMONIA, "oboe"),
    Instrument("clarinet", "woodwinds", PHILHARMONIA, "clarinet"),
    Instrument("bassoon", "woodwinds", PHILHARMONIA, "bassoon"),
    Instrument("saxophone", "woodwinds", PHILHARMONIA, "saxophone"),
    Instrument("french horn", "brass", PHILHARMONIA, "french-horn"),
    Instrument("trumpet", "brass", FLUIDR3, "56"),
    Instrument("trombone", "brass", PHILHARMONIA, "trombone"),
    Instrument("guitar", "plucked", PHILHARMONIA, "guitar", decays=True),
    Instrument("harp", "plucked", FLUIDR3, "46", decays=True),
    Instrument("piano", "keyboard", SPLENDID, "piano", decays=True),
    Instrument("organ", "keyboard", FLUIDR3, "19", highest=75),
    Instrument("choir", "voices", FLUIDR3, "52"),
)
NAMES = tuple(instrument.name for instrument in INSTRUMENTS)
EIGHT = ("violin", "cello", "flute", "oboe", "clarinet", "french horn", "trumpet", "piano")
OCTAVES, CLASSES = 9, 12
HEADS = {"octave": OCTAVES, "class": CLASSES, "dynamics": len(DYNAMICS), "instrument": len(NAMES)}
PACKS = (PHILHARMONIA, SPLENDID, FLUIDR3)


@dataclass(frozen=True)
class Take:
    """One recorded note. `start` and `length` are samples of its bank at RATE_HZ."""

    instrument: int  # place in INSTRUMENTS
    pitch: int
    dynamics: int  # place in DYNAMICS, or UNKNOWN
    bank: Path
    start: int
    length: int
    name: str
    split: int = TRAIN

    @property
    def velocity(self) -> int:
        """Return the velocity its dynamics stand for."""
        return UNKNOWN_VELOCITY if self.dynamics == UNKNOWN else VELOCITIES[self.dynamics]

    def audio(self) -> np.ndarray:
        """Return its samples, (n,) float32, at the level of the recording."""
        return _bank(self.bank)[self.start : self.start + self.length]


def folder_of(pack: str, data: Path, build: Path = BUILD) -> Path:
    """Return a pack's folder, unpacking its archive if need be; SystemExit if it is not there."""
    for folder in (data / pack, build / pack):
        if (folder / "labels.csv").is_file():
            return folder
    archive = data / f"{pack}.tar.zst"
    if not archive.is_file():
        hint = "; python -m training.latent_morph.originals fetches it" if pack in PACKS else ""
        raise SystemExit(f"{data} holds neither {pack} nor {pack}.tar.zst{hint}")
    build.mkdir(parents=True, exist_ok=True)
    plain = subprocess.run(["zstd", "-dc", archive], capture_output=True, check=True).stdout
    subprocess.run(["tar", "x", "-C", build], input=plain, check=True)
    return build / pack


def read_takes(data: Path, most: int, build: Path = BUILD, rest: bool = False) -> list[Take]:
    """Return at most about `most` believable takes of each instrument, split.

    `rest`: and all the others to learn from, of keys that are not held out. What is held out is
    the same with them and without.
    """
    tables = {pack: _rows(folder_of(pack, data, build)) for pack in PACKS}
    takes = []
    for place, instrument in enumerate(INSTRUMENTS):
        own = [
            take
            for row in tables[instrument.pack]
            if (take := _take(place, instrument, row)) is not None
        ]
        chosen = split(thinned(own, most), seed=place)
        takes += chosen + (left_over(own, chosen) if rest else [])
    return takes


def left_over(own: list[Take], chosen: list[Take]) -> list[Take]:
    """Return the takes of an instrument that were not chosen, but for those of held-out keys."""
    known = {take.name for take in chosen}
    learnt = {take.pitch for take in chosen if take.split not in (TEST_PITCH, VALID_PITCH)}
    return [take for take in own if take.name not in known and take.pitch in learnt]


def thinned(takes: list[Take], most: int) -> list[Take]:
    """Return as many takes of each key as of any other, dynamics in turn, long ones first."""
    cells: dict[int, dict[int, list[Take]]] = defaultdict(lambda: defaultdict(list))
    for take in sorted(takes, key=lambda take: (-take.length, take.name)):
        cells[take.pitch][take.dynamics].append(take)
    per_key = max(1, round(most / max(1, len(cells))))
    chosen = []
    for pitch in sorted(cells):
        queues = [cells[pitch][dynamics] for dynamics in sorted(cells[pitch])]
        in_turn = [q[n] for n in range(max(map(len, queues))) for q in queues if n < len(q)]
        chosen += in_turn[:per_key]
    return chosen


def split(takes: list[Take], seed: int) -> list[Take]:
    """Return the takes of one instrument with a tenth of its keys held out, then of its takes."""
    random = np.random.default_rng(seed)
    pitches = sorted({take.pitch for take in takes})
    order = [pitches[place] for place in random.permutation(len(pitches))]
    test = max(1, round(0.1 * len(order)))
    valid = max(1, round(0.06 * len(order))) if len(order) >= 8 else 0
    held = dict.fromkeys(order[:test], TEST_PITCH)
    held |= dict.fromkeys(order[test : test + valid], VALID_PITCH)
    several = len(takes) >= 2 * len(pitches)  # else a take held out is a key held out
    done = []
    for take in takes:
        chance = random.random() if several else 1.0
        kind = TEST_TAKE if chance < 0.08 else VALID_TAKE if chance < 0.13 else TRAIN
        done.append(replace(take, split=held.get(take.pitch, kind)))
    return done


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as lines:
        return [{**row, "folder": str(folder)} for row in csv.DictReader(lines)]


def _take(place: int, instrument: Instrument, row: dict[str, str]) -> Take | None:
    """Return a row's take; None if it is another instrument's or not to be believed."""
    pitch = int(row["midi"])
    where = (int(row["start"]), int(row["n"]))
    bank = Path(row["folder"]) / "bank"
    if instrument.pack == FLUIDR3:
        if row["program"] != instrument.key or pitch > instrument.highest:
            return None
        file = bank / f"{int(row['program']):03d}.ogg"
        return Take(place, pitch, UNKNOWN, file, *where, row["sample"])
    if row["instrument"] != instrument.key:
        return None
    if instrument.pack == SPLENDID:  # its frequencies were measured badly, its keys are right
        file = bank / f"{row['bank']}.ogg"
        return Take(place, pitch, _DYNAMICS[row["dynamics"]], file, *where, row["source"])
    if row["articulation"] not in _ARTICULATIONS or not _believable(row["f0_cents_err"]):
        return None
    file = bank / f"{instrument.key}.ogg"
    return Take(place, pitch, _DYNAMICS[row["dynamics"]], file, *where, row["source"])


def _believable(cents: str) -> bool:
    """Whether the label is what was measured: a trombone in five is named an octave too high."""
    try:
        return abs(float(cents)) < WORST_CENTS
    except ValueError:
        return False


@lru_cache(maxsize=2)
def _bank(path: Path) -> np.ndarray:
    audio, rate_hz = soundfile.read(path, dtype="float32")
    if rate_hz != RATE_HZ or audio.ndim != 1:
        raise SystemExit(f"{path} must be mono at {RATE_HZ} Hz")
    return audio
