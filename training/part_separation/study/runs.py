"""The study's runs, in the order they are worth doing; `--next` names the first not yet done.

A run's name says it all: corpus, model, what the notes tell, seed. Its figures go to
training/part_separation/results/NAME.json, which the README's tables are printed from.
"""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from training.part_separation.study.corpora import RESULTS
from training.part_separation.study.models import TIMES, Inputs


@dataclass(frozen=True)
class Run:
    """One training: what is learnt, from what, how."""

    corpus: str
    model: str
    inputs: Inputs
    label: str = ""  # what distinguishes it from the corpus's plain run of this model
    transpose: tuple[int, int] = (-5, 6)  # semitones, both included
    updates: int = 700
    batch: int = 32
    steps: int = 200
    rate: float = 4e-3
    dropout: float = 0.2
    seed: int = 1

    @property
    def name(self) -> str:
        words = [self.corpus, self.model, *self.label.split(), f"s{self.seed}"]
        return "-".join(words)


def runs() -> list[Run]:
    """Return all runs, most wanted first."""
    recurrent, attentive = ("lstm", "bilstm"), ("decoder", "encoder")
    todo = [
        *table_2("bach", (*recurrent, *attentive)),
        learnt("bach", "lstm", EMBEDDED, "long", updates=1600, dropout=0.3),
        *table_2("bach", ("lstm",), hinted=True),
    ]
    todo += table_2("quartets", recurrent) + table_2("quartets", recurrent, hinted=True)
    todo += table_2("game", recurrent) + table_2("game", recurrent, hinted=True)
    todo += table_2("pop", recurrent) + table_3("game")
    todo += table_2("pop", recurrent, hinted=True)
    todo += [learnt("bach", "lstm", Inputs(duration=True), "dur")]
    todo += table_3("quartets") + table_3("pop") + table_4("game")
    for corpus in ("quartets", "game", "pop"):
        todo += table_2(corpus, attentive)
    todo += table_3("bach")[1:] + table_2("bach", ("bilstm",), hinted=True)
    for corpus in ("pop", "quartets", "bach"):
        todo += table_4(corpus)
    for corpus in ("bach", "game", "quartets", "pop"):
        todo.append(learnt(corpus, "lstm", Inputs(duration=True, entry_hints=True), "dur eh"))
    for corpus in ("bach", "quartets", "game", "pop"):
        todo += table_2(corpus, attentive, hinted=True)
    again = [run for run in todo if f"{run.corpus} {run.model} {run.label}".strip() in CLOSE]
    return todo + [replace(run, seed=seed) for seed in (2, 3) for run in again]


CLOSE = (  # what a claim with a small gap rests on: three seeds
    "game lstm",
    "game lstm eh",
    "game lstm eh ph",
    "game lstm rawtime",
    "game lstm noaug",
    "pop lstm",
    "pop lstm noaug",
)
EMBEDDED = Inputs()
OFFLINE = Inputs(duration=True)


def table_2(corpus: str, models: tuple[str, ...], hinted: bool = False) -> list[Run]:
    """Return networks of the paper's Table 4.2; those that work offline hear durations."""
    return [
        learnt(
            corpus,
            model,
            Inputs(duration=model in ("bilstm", "encoder"), entry_hints=hinted),
            "eh" if hinted else "",
        )
        for model in models
    ]


def table_3(corpus: str) -> list[Run]:
    """Return online LSTMs of Table 4.3 that are not among Table 4.2's."""
    return [
        learnt(corpus, "lstm", Inputs(duration=True), "dur"),
        learnt(corpus, "lstm", Inputs(entry_hints=True, pitch_hints=True), "eh ph"),
        learnt(corpus, "lstm", Inputs(embedding=False), "noemb"),
    ]


def table_4(corpus: str) -> list[Run]:
    """Return the online LSTMs of Table 4.4 that are not among Table 4.2's."""
    return [
        learnt(corpus, "lstm", Inputs(time=TIMES[3]), "rawtime"),
        learnt(corpus, "lstm", Inputs(time=TIMES[2]), "rawbeat"),
        learnt(corpus, "lstm", Inputs(time=TIMES[1]), "timeemb"),
        learnt(corpus, "lstm", EMBEDDED, "noaug", transpose=(0, 0)),
        learnt(corpus, "lstm", EMBEDDED, "lightaug", transpose=(-1, 1)),
    ]


def learnt(corpus: str, model: str, inputs: Inputs, label: str, **changes) -> Run:
    """Return a run with the settings of its corpus and model."""
    recipe: dict[str, Any] = {"updates": UPDATES[corpus][model]}
    if model in ("decoder", "encoder"):
        recipe |= {"rate": 2e-3, "dropout": 0.1}
    return Run(corpus, model, inputs, label, **(recipe | changes))


UPDATES = {
    "bach": {"lstm": 800, "bilstm": 1000, "decoder": 1000, "encoder": 1000},
    "quartets": {"lstm": 400, "bilstm": 400, "decoder": 250, "encoder": 250},
    "game": {"lstm": 250, "bilstm": 250, "decoder": 200, "encoder": 200},
    "pop": {"lstm": 300, "bilstm": 300, "decoder": 200, "encoder": 200},
}


def find(name: str) -> Run:
    """Return a run by its name."""
    for run in runs():
        if run.name == name:
            return run
    raise SystemExit(f"there is no run '{name}'")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--next", action="store_true", help="only the first not yet done")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    missing = [run.name for run in runs() if not (options.out / f"{run.name}.json").exists()]
    print("\n".join(missing[:1] if options.next else missing))


if __name__ == "__main__":
    main()
