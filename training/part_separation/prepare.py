"""Reads the Bach chorales of the music21 package and splits them; writes build/corpus.npz.

The MusicXML files are read directly: music21 itself, which is only needed for its corpus, would
take minutes where this takes seconds. Run by run.sh; 409 files and 96,605 notes or it fails.
"""

import argparse
import importlib.util
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

PARTS = ("soprano", "alto", "tenor", "bass")
TICKS = 480  # a quarter note
FILES, NOTES = 409, 96605
SPLITS = ("train", "valid", "test")
SPLIT_SEED = 20
BUILD = Path(__file__).parent / "build"
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@dataclass(frozen=True)
class Chorale:
    """One file: notes (n, 4) int32 of onset, duration (ticks), pitch, part, in score order."""

    name: str
    notes: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of .mxl and .xml files")
    parser.add_argument("--out", type=Path, default=BUILD / "corpus.npz")
    options = parser.parse_args()
    chorales = read_chorales(options.data or corpus_folder())
    count = sum(len(chorale.notes) for chorale in chorales)
    if (len(chorales), count) != (FILES, NOTES):
        raise SystemExit(f"expected {FILES} files and {NOTES} notes, got {len(chorales)}, {count}")
    groups = group_duplicates(chorales)
    split = split_groups(groups)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        options.out,
        notes=np.concatenate([chorale.notes for chorale in chorales]),
        ends=np.cumsum([len(chorale.notes) for chorale in chorales]),
        names=np.array([chorale.name for chorale in chorales]),
        groups=groups,
        split=split,
    )
    shares = ", ".join(f"{name} {np.sum(split == i)}" for i, name in enumerate(SPLITS))
    print(
        f"{options.out}: {len(chorales)} files, {count} notes, {groups.max() + 1} groups; {shares}"
    )


def load(path: Path, split: str) -> list[Chorale]:
    """Return the chorales of one split as prepared by `main`."""
    with np.load(path) as data:
        pieces = np.split(data["notes"], data["ends"][:-1])
        chosen = np.flatnonzero(data["split"] == SPLITS.index(split))
        return [Chorale(str(data["names"][i]), pieces[i]) for i in chosen]


def corpus_folder() -> Path:
    """Return the folder of Bach's works inside the installed music21 package."""
    package = importlib.util.find_spec("music21")
    if package is None or package.origin is None:
        raise SystemExit("music21 is not installed; `pip install music21` brings the chorales")
    return Path(package.origin).parent / "corpus" / "bach"


def read_chorales(folder: Path) -> list[Chorale]:
    """Return the files that are chorales: at least two named voices of more than ten notes."""
    chorales = []
    for path in sorted(folder.iterdir()):
        if path.suffix in (".mxl", ".xml"):
            chorale = read_file(path)
            if np.sum(np.bincount(chorale.notes[:, 3], minlength=4) > 10) >= 2:
                chorales.append(chorale)
    return chorales


def read_file(path: Path) -> Chorale:
    """Read the four voices of a MusicXML file, compressed or not."""
    root = ElementTree.fromstring(_score(path))
    names = {part.get("id"): part.findtext("part-name", "") for part in root.iter("score-part")}
    notes = []
    for part in root.iter("part"):
        name = _voice(names.get(part.get("id"), ""))
        if name is not None:
            voice = sorted({(on, pitch, length) for on, length, pitch in _part_notes(part)})
            notes += [(on, length, pitch, PARTS.index(name)) for on, pitch, length in voice]
    notes.sort(key=lambda note: (note[0], note[2], note[1], note[3]))
    return Chorale(path.stem, np.array(notes, np.int32).reshape(-1, 4))


def _voice(name: str) -> str | None:
    """Return the voice a part is named for: "Soprano", "Soprano Oboe 1", but not "Soprano 1"."""
    words = name.lower().split()
    if not words or words[0] not in PARTS or (len(words) > 1 and words[1].isdigit()):
        return None
    return words[0]


def _score(path: Path) -> bytes:
    if path.suffix == ".xml":
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        names = [n for n in archive.namelist() if not n.startswith("META-INF")]
        name = next(n for n in names if n.endswith((".xml", ".musicxml")))
        return archive.read(name)


def _part_notes(part: ElementTree.Element) -> Iterator[tuple[int, int, int]]:
    """Yield (onset, duration, pitch) in ticks of a part, tied notes joined, repeats not played."""
    sounding: dict[int, tuple[Fraction, Fraction]] = {}  # pitch -> onset, end: waits for its tie
    divisions = transpose = 0
    start = now = Fraction(0)
    for measure in part.iter("measure"):
        now = measure_end = start
        last_onset = now
        for item in measure:
            if item.tag == "attributes":
                divisions = int(item.findtext("divisions", str(divisions)))
                transpose = int(item.findtext("transpose/chromatic", str(transpose)))
            elif item.tag in ("backup", "forward"):
                length = Fraction(int(item.findtext("duration", "0")), divisions)
                now += length if item.tag == "forward" else -length
            elif item.tag == "note" and item.find("grace") is None:
                length = Fraction(item.findtext("duration", "0")) / divisions
                onset = last_onset if item.find("chord") is not None else now
                last_onset = onset
                now = max(now, onset + length)
                pitch = _pitch(item)
                if pitch is not None:
                    pitch += transpose
                    ties = {tie.get("type") for tie in item.findall("tie")}
                    begin = onset
                    if pitch in sounding:
                        earlier = sounding.pop(pitch)
                        if "stop" in ties and earlier[1] == onset:
                            begin = earlier[0]
                        else:
                            yield _ticks(*earlier, pitch)
                            if "stop" in ties:  # what it continues is not adjacent: not struck
                                continue
                    if "start" in ties:
                        sounding[pitch] = (begin, onset + length)
                    else:
                        yield _ticks(begin, onset + length, pitch)
            measure_end = max(measure_end, now)
        start = measure_end
    for pitch, (onset, end) in sounding.items():
        yield _ticks(onset, end, pitch)


def _pitch(note: ElementTree.Element) -> int | None:
    step = note.findtext("pitch/step")
    if step is None:
        return None
    octave = int(note.findtext("pitch/octave", "4"))
    return 12 * (octave + 1) + _STEPS[step] + round(float(note.findtext("pitch/alter", "0")))


def _ticks(onset: Fraction, end: Fraction, pitch: int) -> tuple[int, int, int]:
    return round(onset * TICKS), round((end - onset) * TICKS), pitch


def group_duplicates(chorales: list[Chorale]) -> np.ndarray:
    """Return a group number a file; near-duplicates, in whatever key, share one.

    Two files belong together when, of the shorter one's runs of six soprano-and-bass moves,
    more than a third also occur in the other.
    """
    runs = [_runs(chorale) for chorale in chorales]
    groups = np.arange(len(chorales))
    for i, mine in enumerate(runs):
        for j in range(i):
            fewer = min(len(mine), len(runs[j]))
            if fewer and len(mine & runs[j]) * 3 > fewer:
                groups[groups == groups[i]] = groups[j]
    return np.unique(groups, return_inverse=True)[1]


def _runs(chorale: Chorale) -> set[tuple[tuple[int, ...], ...]]:
    """Return the runs of six moves of the outer voices, free of key and tempo."""
    notes = chorale.notes
    outer = []
    for onset in np.unique(notes[:, 0]):
        sounding = notes[(notes[:, 0] <= onset) & (notes[:, 0] + notes[:, 1] > onset), 2]
        if len(sounding):
            outer.append((int(sounding.max()), int(sounding.min())))
    moves = [(b[0] - a[0], b[1] - a[1], b[0] - b[1]) for a, b in pairwise(outer)]
    return {tuple(moves[i : i + 6]) for i in range(len(moves) - 5)}


def split_groups(groups: np.ndarray) -> np.ndarray:
    """Return 0 train, 1 valid, 2 test a file, 8 : 1 : 1 by file, each group on one side."""
    order = np.random.default_rng(SPLIT_SEED).permutation(groups.max() + 1)
    tenth = len(groups) / 10
    split = np.zeros(len(groups), np.int8)
    for group in order:
        members = groups == group
        for side in (2, 1):
            if np.sum(split == side) + members.sum() <= round(tenth):
                split[members] = side
                break
    return split


if __name__ == "__main__":
    main()
