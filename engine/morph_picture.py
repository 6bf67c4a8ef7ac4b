"""Draws a held chord that moves across a morph sound, as the callback plays it.

    python -m engine.morph_picture [--sound NAME] [--out FILE] [--wav FILE.wav]

A controller goes from 0 to 127 while the chord is held; below the spectrogram the same in short
windows, where a click would be an upright line, beating a row of dots, smear a lost attack. [main]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from engine.core import Engine
from engine.ensembles import MORPH, Ensemble, Part
from engine.paths import presets_folder

RATE_HZ, QUANTUM = 48000, 64
CHORD = (48, 55, 64, 72)
VELOCITY = 90
REST_S, WAY_S, TAIL_S = 1.0, 4.0, 0.8
SOUND = "cello_flute_trumpet"
RANGE_DB = 80.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sound", default=SOUND, help="(%(default)s)")
    parser.add_argument("--controller", type=int, default=1, help="what moves it (%(default)s)")
    parser.add_argument("--out", type=Path, default=presets_folder() / "sounds" / "held_chord.jpg")
    parser.add_argument("--wav", type=Path, help="also write the sound")
    options = parser.parse_args()
    audio = held_chord(options.sound, options.controller)
    draw(options.out, audio, options.sound)
    if options.wav:
        import soundfile

        soundfile.write(options.wav, audio, RATE_HZ)


def held_chord(sound: str, controller: int) -> np.ndarray:
    """Return the chord (frames,): at rest, on its way, at rest, let go. [main]"""
    engine = Engine(RATE_HZ)
    part = Part("Morph", 48, sound=MORPH, morph=sound, reverb_send=0.0)
    engine.apply(Ensemble(id="one", name="one", parts=(part,)))
    engine.render(RATE_HZ // 10)
    start = engine.frame
    for key in CHORD:
        engine.part_midi(0, bytes((0x90, key, VELOCITY)), start)
    for value in range(1, 128):
        frame = start + int((REST_S + WAY_S * value / 128) * RATE_HZ)
        engine.part_midi(0, bytes((0xB0, controller, value)), frame)
    held = int((2 * REST_S + WAY_S) * RATE_HZ)
    for key in CHORD:
        engine.part_midi(0, bytes((0x80, key, 0)), start + held)
    audio = engine.render(held + int(TAIL_S * RATE_HZ), QUANTUM)[:, 0]
    engine.close()
    return audio


def draw(path: Path, audio: np.ndarray, sound: str) -> None:
    """Draw two spectrograms of the sound: fine in frequency, fine in time. [main]"""
    from matplotlib import mlab
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 7.5), layout="constrained")
    axes = figure.subplots(2, 1, sharex=True)
    windows = ((4096, 3584, 6000, "windows of 85 ms"), (512, 448, 12000, "windows of 11 ms"))
    for axis, (window, overlap, top_hz, what) in zip(axes, windows, strict=True):
        spectra = mlab.specgram(audio, window, RATE_HZ, noverlap=overlap)
        power, frequencies, times = (np.asarray(array, np.float64) for array in spectra)
        level = 10 * np.log10(np.maximum(power[frequencies <= top_hz], 1e-20))
        axis.imshow(
            level,
            extent=(times[0], times[-1], 0, top_hz / 1000),
            vmin=level.max() - RANGE_DB,
            vmax=level.max(),
            cmap="magma",
            origin="lower",
            aspect="auto",
            interpolation="bilinear",
        )
        axis.set_ylabel("kHz")
        axis.set_title(what, fontsize=9, loc="left")
    names = ", ".join(str(key) for key in CHORD)
    axes[0].set_title(f"{sound}: keys {names} held", fontsize=9)
    axes[-1].set_xlabel("s")
    figure.savefig(path, dpi=80)


if __name__ == "__main__":
    main()
