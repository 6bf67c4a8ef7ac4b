"""Draws what evaluate.py measures, into training/latent_morph/figures.

    python -m training.latent_morph.pictures --data FOLDER --network build/latent_morph/B-1.pt

reconstructions.png: a held-out note of each instrument, recorded, autoencoded, from its labels.
attacks.png: the first half second of the same. morphing.png: a held chord across three
instruments with no, linear and cubic interpolation. labels.png: confusions of instrument and
dynamics. free.png: random trajectories. --sounds FOLDER: what the last and morphing.png sound
like, and an arpeggio from a MIDI file on five instruments, as WAV.
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import soundfile

from models.morph.voice_model import MorphModel, from_arrays
from training.latent_morph import course, held_out, paths, prepare, ship
from training.latent_morph.metrics import mel_db, spectrogram
from training.latent_morph.network import Pair
from training.latent_morph.render import render
from training.latent_morph.sources import DYNAMICS, NAMES, RATE_HZ, TEST_PITCH, Take, read_takes
from training.latent_morph.train import restored

FIGURES = Path(__file__).parent / "figures"
CHORD = (48, 55, 64, 72)
ACROSS = ("cello", "flute", "trumpet")
PLAYED = ("saxophone", "flute", "piano", "trumpet", "violin")
_WAYS = {"recorded": "recorded", "autoencoded": "autoencoded", "labels": "from labels"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--network", type=Path, required=True)
    parser.add_argument("--frames", type=Path, default=prepare.FRAMES)
    parser.add_argument("--out", type=Path, default=FIGURES)
    parser.add_argument("--sounds", type=Path, help="where WAV files go")
    options = parser.parse_args()
    corpus = prepare.load(options.frames)
    takes = read_takes(options.data, prepare.MOST, rest=True)
    network, about = restored(options.network)
    if not isinstance(network, Pair) or network.shape.form != "B":
        raise SystemExit(f"{options.network} is not of the live form")
    model = from_arrays(ship.arrays_of(network, corpus), NAMES, "drawn")
    options.out.mkdir(parents=True, exist_ok=True)
    reconstructions(network, corpus, takes, options.out)
    reader = course.restored(options.network.with_name(f"course-{about['seed']}.pt"))
    told = held_out.labels_told(
        held_out.heard(network, corpus, TEST_PITCH, held_out.THRICE),
        corpus,
        courses=held_out.courses_heard(reader, corpus, TEST_PITCH),
    )
    confusions(told, options.out / "labels.png")
    sounds = {f"morphing {how}": chord_across(model, how) for how in paths.INTERPOLATIONS}
    draw_sounds(sounds, options.out / "morphing.png", lines=True)
    free = {f"trajectory {seed}": render(paths.free(model, seed) - 12, 220.0) for seed in range(3)}
    draw_sounds(free, options.out / "free.png", lines=True)
    if options.sounds:
        options.sounds.mkdir(parents=True, exist_ok=True)
        file = options.sounds / "arpeggio.mid"
        paths.write_arpeggio(file)
        played = {f"arpeggio {name}": paths.from_midi(model, file, name)[0] for name in PLAYED}
        for name, audio in (sounds | free | played).items():
            soundfile.write(options.sounds / f"{name}.wav", audio, RATE_HZ)


def chord_across(model: MorphModel, how: str, frames: int = 187) -> np.ndarray:
    """Return the sound of a held chord that goes through ACROSS, two seconds from one to the next.

    It rests a second on the first and on the last.
    """
    places = [model.index(name) for name in ACROSS]
    sound = np.zeros(0, np.float32)
    for key in CHORD:
        points = model.anchors[places, key, 3]
        rest = frames // 2
        z = np.concatenate(
            [
                np.tile(points[0], (rest, 1)),
                paths.between(points, frames, how),
                np.tile(points[-1], (rest, 1)),
            ]
        )
        voice = render(paths.held(model, z, key) - 24, 440 * 2 ** ((key - 69) / 12), seed=key)
        sound = voice if not len(sound) else sound + voice
    return sound


def reconstructions(network: Pair, corpus: prepare.Corpus, takes: list[Take], out: Path) -> None:
    """Draw a held-out note of each instrument three ways, and its attack."""
    chosen = held_out.some(corpus, TEST_PITCH, 1)
    figure, axes = plt.subplots(3, len(chosen), figsize=(1.1 * len(chosen), 4), squeeze=False)
    attacks, envelopes = plt.subplots(3, 6, figsize=(12, 6), squeeze=False)
    for column, take in enumerate(chosen):
        found = held_out.sounds(network, corpus, takes, take)
        for row, (way, name) in enumerate(_WAYS.items()):
            axis = axes[row, column]
            _show(axis, mel_db(spectrogram(found[way]))[:140])
            if column == 0:
                axis.set_ylabel(name)
        name = f"{NAMES[corpus.instrument[take]]} {corpus.pitch[take]}"
        axes[0, column].set_title(name, fontsize=7)
        place = envelopes[column // 6, column % 6]
        for way in _WAYS:
            place.plot(*_envelope(found[way]), label=_WAYS[way], lw=1)
        place.set_title(name, fontsize=8)
        place.set_ylim(-40, 3)
    for axis in envelopes.ravel()[len(chosen) :]:
        axis.axis("off")
    envelopes[0, 0].legend(fontsize=6)
    figure.supxlabel("mel bands up to 11 kHz, the first 1.5 s", fontsize=8)
    attacks.supxlabel("s")
    _save(figure, out / "reconstructions.png")
    _save(attacks, out / "attacks.png")


def confusions(told: held_out.Labels, path: Path) -> None:
    """Draw the confusions of instrument and dynamics, notes of held-out keys."""
    figure, axes = plt.subplots(1, 2, figsize=(11, 5), width_ratios=[2, 1])
    for axis, head, names in zip(axes, ("instrument", "dynamics"), (NAMES, DYNAMICS), strict=True):
        table = told.confusion(head)
        share = table / np.maximum(table.sum(1, keepdims=True), 1)
        axis.imshow(share, cmap="magma_r", vmin=0, vmax=1)
        axis.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
        axis.set_yticks(range(len(names)), names, fontsize=7)
        for row, column in zip(*np.nonzero(table), strict=True):
            colour = "white" if share[row, column] > 0.5 else "black"
            axis.text(
                column, row, table[row, column], ha="center", va="center", size=6, color=colour
            )
        axis.set_xlabel("told")
        axis.set_ylabel("true")
    _save(figure, path)


def draw_sounds(sounds: dict[str, np.ndarray], path: Path, lines: bool = False) -> None:
    """Draw the spectrogram of each sound; `lines`: single lines up to 6 kHz, not mel bands."""
    figure, axes = plt.subplots(len(sounds), 1, figsize=(9, 2.2 * len(sounds)), sharex=True)
    for axis, (name, audio) in zip(axes, sounds.items(), strict=True):
        if lines:
            axis.specgram(
                audio, NFFT=2048, Fs=RATE_HZ, noverlap=1536, cmap="magma", vmin=-140, vmax=-40
            )
            axis.set_ylim(0, 6000)
            axis.set_ylabel("Hz")
        else:
            _show(axis, mel_db(spectrogram(audio)))
        axis.set_title(name, fontsize=9)
    axes[-1].set_xlabel("s")
    _save(figure, path)


def _show(axis: plt.Axes, bands: np.ndarray) -> None:
    top = bands.max()
    axis.imshow(bands.T, origin="lower", aspect="auto", cmap="magma", vmin=top - 60, vmax=top)
    axis.set_xticks([])
    axis.set_yticks([])


def _envelope(audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return seconds and dB of the first half second, windows of 10 ms."""
    part = np.pad(audio[: RATE_HZ // 2].astype(float), 120)
    level = 10 * np.log10(np.convolve(part**2, np.hanning(240) / 120, "valid")[::24] + 1e-9)
    return np.arange(len(level)) * 0.001, level - level.max()


def _save(figure: plt.Figure, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    plt.close(figure)


if __name__ == "__main__":
    main()
