"""Fetches the single notes from where they come from, and makes the three packs of them.

    python -m training.latent_morph.originals --out build/latent_morph

A pack is what sources.py reads: labels.csv and a bank of Ogg files at 24 kHz, mono. What is fetched
is held against its checksum: a file against its sha256, a repository against its commit, which is
the checksum of all that is in it. git and the bar show how far it is; what is there already is not
fetched again, and a pack that is there is not made again.
"""

import argparse
import csv
import io
import lzma
import re
import subprocess
import tarfile
import urllib.error
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from tqdm import tqdm

from models.morph.resampling import Resampler
from training.latent_morph.soundfont_samples import samples_of
from training.latent_morph.sources import BUILD, FLUIDR3, PHILHARMONIA, RATE_HZ, SPLENDID
from training.part_separation.study.archives import fetch

LONGEST_S = {PHILHARMONIA: 4.0, SPLENDID: 6.0, FLUIDR3: 3.5}
GAP = RATE_HZ // 20  # samples of silence between notes
PROGRAMS = (40, 41, 46, 52, 56, 19)
LAYERS = {"PP": "pianissimo", "MP": "mezzo-piano", "MF": "mezzo-forte", "FF": "fortissimo"}
_NAMES = ("C", "Cs", "D", "Ds", "E", "F", "Fs", "G", "Gs", "A", "As", "B")
_CLASSES = {name: place for place, name in enumerate(_NAMES)}
_DIP = 0.15
Note = tuple[dict[str, Any], str, np.ndarray]  # labels, bank, audio


@dataclass(frozen=True)
class Repository:
    """A git repository at a commit."""

    url: str
    commit: str


@dataclass(frozen=True)
class File:
    """A file at an address."""

    url: str
    sha256: str


@dataclass(frozen=True)
class Pack:
    """Where a pack comes from, and how its notes are read from what was fetched."""

    source: Repository | File
    notes: Callable[[Path], Iterator[Note]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=BUILD)
    parser.add_argument("packs", nargs="*", choices=[[], *PACKS], help="all unless named")
    options = parser.parse_args()
    for name in options.packs or PACKS:
        print(make(name, options.out))


def make(name: str, out: Path) -> Path:
    """Return the folder of a pack, fetched and made if it is not there; SystemExit if it fails."""
    folder = out / name
    if (folder / "labels.csv").is_file():
        return folder
    pack = PACKS[name]
    fetched = out / "originals" / name
    if isinstance(pack.source, File):
        fetched = fetched.with_name(pack.source.url.rsplit("/", 1)[1])
        _fetch_file(pack.source, fetched, name)
    else:
        _fetch_repository(pack.source, fetched, name)
    write(pack.notes(fetched), folder, LONGEST_S[name])
    return folder


def write(notes: Iterator[Note], folder: Path, longest_s: float) -> None:
    """Write a pack's banks, then its labels."""
    (folder / "bank").mkdir(parents=True, exist_ok=True)
    banks: dict[str, list[np.ndarray]] = defaultdict(list)
    lengths: dict[str, int] = defaultdict(int)
    rows = []
    for labels, bank, audio in notes:
        audio = audio[: int(longest_s * RATE_HZ)].astype(np.float32)
        rows.append({**labels, "start": lengths[bank], "n": len(audio)})
        banks[bank] += [audio, np.zeros(GAP, np.float32)]
        lengths[bank] += len(audio) + GAP
    if not rows:
        raise SystemExit(f"{folder.name}: what was fetched holds no notes")
    for bank, parts in banks.items():
        with soundfile.SoundFile(
            folder / "bank" / f"{bank}.ogg", "w", RATE_HZ, 1, format="OGG", subtype="VORBIS"
        ) as file:
            for part in parts:  # one long write is more than the encoder's stack bears
                file.write(part)
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as lines:
        table = csv.DictWriter(lines, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def _fetch_file(source: File, path: Path, name: str) -> None:
    try:
        fetch(source.url, source.sha256, path)
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise SystemExit(_no_way(name, source.url, str(reason))) from None


def _fetch_repository(source: Repository, folder: Path, name: str) -> None:
    """Check a commit out into `folder`, with nothing of its past."""
    done = folder / ".git" / "checked out"
    if done.is_file() and done.read_text() == source.commit:
        return
    folder.mkdir(parents=True, exist_ok=True)
    steps = (
        ["init", "--quiet"],
        ["fetch", "--depth", "1", "--progress", source.url, source.commit],
        ["checkout", "--quiet", "--force", source.commit],
    )
    for step in steps:
        try:
            code = subprocess.run(["git", "-C", str(folder), *step]).returncode
        except OSError:
            raise SystemExit(_no_way(name, source.url, "git is not installed")) from None
        if code:
            raise SystemExit(_no_way(name, source.url, f"git {step[0]} ended with {code}"))
    done.write_text(source.commit)


def _no_way(name: str, url: str, reason: str) -> str:
    return (
        f"{name} cannot be fetched from {url} ({' '.join(reason.split())}): "
        "without a network, say with --data FOLDER where the packs are"
    )


# What was fetched, note by note


def philharmonia(folder: Path) -> Iterator[Note]:
    """Yield the notes of INSTRUMENT_KEY_LENGTH_DYNAMICS_ARTICULATION.mp3, zipped or not."""
    files = sorted(folder.rglob("*.mp3"))
    zipped = sorted(folder.rglob("*.zip"))
    for file in tqdm(files, PHILHARMONIA, mininterval=5):
        yield from _of_philharmonia(file.name, file.read_bytes())
    for archive in tqdm(zipped, PHILHARMONIA, mininterval=5):
        with zipfile.ZipFile(archive) as members:
            for member in sorted(members.namelist()):
                if member.endswith(".mp3"):
                    yield from _of_philharmonia(Path(member).name, members.read(member))


def _of_philharmonia(name: str, content: bytes) -> Iterator[Note]:
    """Yield a note if its name is one; phrases and swells have others."""
    parts = name.removesuffix(".mp3").split("_")
    if len(parts) != 5 or not (key := re.fullmatch(r"([A-G]s?)(\d)", parts[1])):
        return
    instrument = parts[0].replace(" ", "-")
    pitch = 12 * (int(key[2]) + 1) + _CLASSES[key[1]]
    audio = _audio(content)
    cents = 1200 * np.log2(measured_hz(audio) / (440 * 2 ** ((pitch - 69) / 12)))
    labels = {
        "instrument": instrument,
        "midi": pitch,
        "dynamics": parts[3],
        "articulation": parts[4],
        "f0_cents_err": round(float(cents), 1),
        "source": name,
    }
    yield labels, instrument, audio


def splendid(folder: Path) -> Iterator[Note]:
    """Yield the notes of LAYER KEY.flac, whose names are an octave low."""
    for file in tqdm(sorted(folder.rglob("*.flac")), SPLENDID, mininterval=5):
        named = re.fullmatch(r"(PP|MP|MF|FF) ([A-G]#?)(-?\d)\.flac", file.name)
        if named is None:
            continue
        pitch = 12 * (int(named[3]) + 2) + _CLASSES[named[2].replace("#", "s")]
        bank = f"piano_{named[1].lower()}"
        labels = {
            "instrument": "piano",
            "bank": bank,
            "midi": pitch,
            "dynamics": LAYERS[named[1]],
            "source": file.name,
        }
        yield labels, bank, _audio(file.read_bytes())


def fluidr3(package: Path) -> Iterator[Note]:
    """Yield the notes of a SoundFont in a Debian package, our programs' alone."""
    content = soundfont_in(package)
    for sample in tqdm(list(samples_of(content, PROGRAMS)), FLUIDR3, mininterval=5):
        labels = {"program": sample.program, "midi": sample.key, "sample": sample.name}
        resampled = _resampled(sample.audio(LONGEST_S[FLUIDR3]), sample.rate_hz)
        yield labels, f"{sample.program:03d}", resampled


def soundfont_in(package: Path) -> bytes:
    """Return the first SoundFont of a Debian package."""
    content = package.read_bytes()
    place = 8
    while content.startswith(b"!<arch>\n") and place + 60 <= len(content):
        name, size = content[place : place + 16].strip(), int(content[place + 48 : place + 58])
        body = content[place + 60 : place + 60 + size]
        if name.rstrip(b"/") == b"data.tar.xz":
            with tarfile.open(fileobj=io.BytesIO(lzma.decompress(body))) as files:
                for member in files:
                    if member.name.endswith(".sf2") and member.isfile():
                        found = files.extractfile(member)
                        if found is not None:
                            return found.read()
        place += 60 + size + size % 2
    raise SystemExit(f"{package.name}: holds no SoundFont")


def _audio(content: bytes) -> np.ndarray:
    """Return a recording's sound, mono at RATE_HZ."""
    audio, rate_hz = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
    return _resampled(audio.mean(1), rate_hz)


def _resampled(audio: np.ndarray, rate_hz: float) -> np.ndarray:
    resampler = Resampler(rate_hz)
    return np.concatenate([resampler.push(audio.astype(np.float32)), resampler.finish()])


def measured_hz(audio: np.ndarray, size: int = 2048) -> float:
    """Return the frequency of a note a little after its loudest place, by its best period."""
    power = np.convolve(audio.astype(float) ** 2, np.ones(512), "same")
    begin = min(int(power.argmax()), max(len(audio) - 2 * size, 0))
    frame = np.pad(audio[begin : begin + 2 * size].astype(float), (0, 2 * size))[: 2 * size]
    lags = np.arange(size)
    products = np.fft.irfft(
        np.fft.rfft(frame[:size], 4 * size).conj() * np.fft.rfft(frame, 4 * size)
    )[:size]
    energy = np.concatenate([[0], np.cumsum(frame**2)])
    moved = energy[lags + size] - energy[lags]
    difference = np.maximum(moved[0] + moved - 2 * products, 0)
    running = np.cumsum(difference) / np.maximum(lags, 1)
    ratio = np.where(lags > 0, difference / np.maximum(running, 1e-12), 1)
    shortest = RATE_HZ // 4200
    low = np.flatnonzero(ratio[shortest:-1] < _DIP) + shortest
    best = int(ratio[shortest:-1].argmin()) + shortest
    if len(low):
        best = int(low[0])
        while best + 2 < size and ratio[best + 1] < ratio[best]:
            best += 1
    before, here, after = ratio[best - 1 : best + 2]
    bend = before - 2 * here + after
    return RATE_HZ / (best + (0.5 * (before - after) / bend if bend > 0 else 0.0))


PACKS: dict[str, Pack] = {
    PHILHARMONIA: Pack(
        Repository(
            "https://github.com/skratchdot/philharmonia-samples.git",
            "717b7de2bcae05e44aa8a3dde143c8d093b8f6c8",
        ),
        philharmonia,
    ),
    SPLENDID: Pack(
        Repository(
            "https://github.com/sfzinstruments/SplendidGrandPiano.git",
            "1c595d827b7fd7f0be3134aaed0f90b3662a09cf",
        ),
        splendid,
    ),
    FLUIDR3: Pack(
        File(
            "https://deb.debian.org/debian/pool/main/f/fluid-soundfont/"
            "fluid-soundfont-gm_3.1-5.3_all.deb",
            "6f531493ac4e4d9772fd96b2488ea1790af81c196135fbdd25997da0781fc60e",
        ),
        fluidr3,
    ),
}


if __name__ == "__main__":
    main()
