"""The course of a note: how it begins and how it wavers, which none of its frames tells by itself.

Soft notes begin slowly, and their upper bins waver. Numpy only: training/latent_morph reads the
dynamics of single notes from it, the judge of transcription those of notes within music.
"""

from __future__ import annotations

import numpy as np


def course_of(
    spectra: np.ndarray, attack: tuple[tuple[int, int], ...], held: tuple[int, int | None]
) -> np.ndarray:
    """Return the course (len(attack) + 2, bins) of a note's spectra (frames, bins) in dB. [any]

    First the mean of the frames from `held[0]` to before `held[1]`; then the means of the stretches
    of the attack, each less that mean; then the deviation of what is held, bin by bin. Frames count
    from the note's onset; of what lies behind the last one, that is taken instead.
    """
    last = len(spectra) - 1
    kept = spectra[min(held[0], last) : held[1]]
    middle = kept.mean(0)
    parts = [spectra[min(begin, last) : end].mean(0) - middle for begin, end in attack]
    return np.stack([middle, *parts, kept.std(0)]).astype(np.float32)
