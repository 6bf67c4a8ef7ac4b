"""Signal to symbol: the % of held-out labels a network tells right, in every way it is asked."""

from typing import Any

import numpy as np
import torch

from training.latent_morph import course, held_out
from training.latent_morph.prepare import Corpus
from training.latent_morph.sources import (
    EIGHT,
    HEADS,
    NAMES,
    TEST_PITCH,
    TEST_TAKE,
    UNKNOWN,
    VALID_PITCH,
    VALID_TAKE,
)
from training.latent_morph.train import KINDS

SPLITS = {"valid": (VALID_PITCH, VALID_TAKE), "test": (TEST_PITCH, TEST_TAKE)}
KINDS_OF_TAKES = ("pitches", "takes")


def labels(
    network: torch.nn.Module,
    corpus: Corpus,
    split: str,
    read: tuple[int, ...] = held_out.ONCE,
    reader: course.CourseReader | None = None,
) -> dict[str, Any]:
    """Return the % of right labels of held-out keys and recordings, read at so many semitones.

    With a reader of courses, notes are told by their frames and their course; "frames": by their
    frames alone, "course": by their course alone.

    "sustain": from 0.32 to 0.8 s. "eight": of the eight instruments the bars were set with. "every
    class": recordings that are nearer to another key are counted, too. "once": read once.
    """
    found: dict[str, Any] = {}
    for kind, part in zip(KINDS_OF_TAKES, SPLITS[split], strict=True):
        said = held_out.heard(network, corpus, part, read)
        courses = held_out.courses_heard(reader, corpus, part) if reader else None
        told = held_out.labels_told(said, corpus, courses=courses)
        table = _rights(told)
        if courses is not None:
            found[f"{kind} frames"] = _rights(held_out.labels_told(said, corpus))
            found[f"{kind} course"] = of_courses_alone(courses, corpus)
        for head in ("instrument", "dynamics"):
            found[f"{kind} {head}"] = told.confusion(head).tolist()
        every = held_out.labels_told(said, corpus, in_tune=False)
        for of in ("frame", "note"):
            table[f"every class {of}"] = every.right("class", of + "s")
        off = abs(corpus.cents_off[corpus.split == part]) > held_out.FURTHEST_CENTS
        found[kind] = {**table, "out of tune": int(off.sum()), "notes": len(told.instrument)}
        found[f"{kind} sustain"] = _rights(held_out.labels_told(said, corpus, sustain=True))
        found[f"{kind} eight"] = _rights(
            held_out.labels_told(said, corpus, names=EIGHT, courses=courses)
        )
        found[f"{kind} dynamics of"] = dynamics_of_each(said, corpus, courses)
        if read != held_out.ONCE:
            once = held_out.heard(network, corpus, part)
            found[f"{kind} once"] = _rights(held_out.labels_told(once, corpus))
    return found


def hears_courses(kind: str) -> bool:
    """Return whether the dynamics of notes are told by their courses, too.

    Not in the paper's form, nor without transposition, nor where eight instruments were learnt.
    """
    how = KINDS[kind]
    return how.shape.form == "B" and how.names == NAMES and how.manner.transpose


def of_courses_alone(courses: dict[int, np.ndarray], corpus: Corpus) -> float:
    """Return the % of right dynamics of takes that have a label, by their courses alone."""
    right = [
        said.argmax() == corpus.dynamics[take]
        for take, said in courses.items()
        if corpus.dynamics[take] != UNKNOWN
    ]
    return 100 * float(np.mean(right))


def dynamics_of_each(
    said: held_out.Heard, corpus: Corpus, courses: dict[int, np.ndarray] | None = None
) -> dict[str, dict[str, float]]:
    """Return the % of right dynamics of each instrument whose takes tell them, and how many."""
    taken = np.array([take for take, _ in said], int)
    table = {}
    for place, name in enumerate(NAMES):
        own = taken[corpus.instrument[taken] == place]
        if (corpus.dynamics[own] == UNKNOWN).all():
            continue
        told = held_out.labels_told(said, corpus, names=(name,), courses=courses)
        table[name] = {
            "frame": told.right("dynamics"),
            "note": told.right("dynamics", "notes"),
            "notes": len(told.notes["dynamics"][0]),
        }
    return table


def _rights(told: held_out.Labels) -> dict[str, float]:
    table = {f"{head} frame": told.right(head) for head in HEADS}
    table |= {f"{head} note": told.right(head, "notes") for head in HEADS}
    near = {"dynamics near frame": told.near(), "dynamics near note": told.near("notes")}
    return table | near
