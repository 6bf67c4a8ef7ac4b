"""Prints the tables of README.md from what run.sh measured; `--write` puts them into it.

    python -m training.latent_morph.tables --write

build/latent_morph holds figures.json (evaluate.py), mixtures.json and synth.json, and what each
training logged. A table stands in README.md between `<!-- table NAME -->` and `<!-- end -->`.
"""

import argparse
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from training.latent_morph.sources import BUILD, HEADS, NAMES

README = Path(__file__).with_name("README.md")
TRANSLATED = {"octave": "octave", "class": "pitch class"}
ROWS = (  # of the labels' table: network, what it is asked, what the row is called
    ("B", "pitches", "**B, unseen keys**"),
    ("B", "takes", "B, unseen recordings"),
    ("B", "pitches frames", "B, unseen keys, notes by their frames alone"),
    ("B", "takes frames", "B, unseen recordings, notes by their frames alone"),
    ("B", "pitches once", "B, unseen keys, frames alone, read once"),
    ("B", "takes once", "B, unseen recordings, frames alone, read once"),
    ("B", "pitches sustain", "B, unseen keys, frames of 0.32 to 0.8 s as in the paper"),
    ("B", "pitches eight", "B, unseen keys, eight instruments of the seventeen"),
    ("classifier", "pitches", "classifier, unseen keys"),
    ("classifier", "takes", "classifier, unseen recordings"),
    ("classifier", "pitches frames", "classifier, unseen keys, notes by their frames alone"),
    ("classifier", "pitches eight", "classifier, unseen keys, eight instruments of the seventeen"),
    ("B-eight", "pitches eight", "**B of eight instruments alone, unseen keys**"),
    ("B-eight", "takes eight", "B of eight alone, unseen recordings"),
    ("classifier-eight", "pitches eight", "classifier of eight alone, unseen keys"),
    ("classifier-eight", "takes eight", "classifier of eight alone, unseen recordings"),
    ("A+", "pitches", "A with transposition and labels (A+), unseen keys"),
    ("wide", "pitches", "A+ with two layers of 1,000 (wide), unseen keys"),
    ("paper", "pitches", "A+ with the paper's two layers of 5,000 (paper), unseen keys"),
    ("A", "pitches", "A, the paper's, unseen keys"),
    ("A", "pitches sustain", "A, unseen keys, 0.32 to 0.8 s"),
    ("classifier-still", "pitches", "plain classifier, no transposition, unseen keys"),
    ("classifier-still", "takes", "plain classifier, no transposition, unseen recordings"),
)
LEAST = {"octave": 95, "class": 95, "instrument": 95}  # % of frames and of notes
DYNAMICS = {"frame": 68, "note": 80}
NEAR_CLASSIFIER = 3.0  # points
Figures = dict[str, list[dict[str, Any]]]  # kind -> what each seed reached


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=BUILD)
    parser.add_argument("--write", action="store_true", help="put the tables into README.md")
    options = parser.parse_args()
    figures = by_kind(_read(options.folder / "figures.json"))
    if "B" not in figures:
        raise SystemExit(f"{options.folder / 'figures.json'} tells nothing of the live form B")
    tables = {
        "labels": labels(figures),
        "wanted": wanted(figures),
        "instruments": instruments(figures["B"]),
        "paths": paths(figures["B"]),
        "midi": midi(figures["B"]),
        "inversion": inversion(figures),
        "synth": synth(_read(options.folder / "synth.json")),
        "mixtures": mixtures(_read(options.folder / "mixtures.json")["cello and flute"]),
        "costs": costs(figures),
    }
    if not options.write:
        print("\n\n".join(tables.values()))
        return
    README.write_text(filled(README.read_text(encoding="utf-8"), tables), encoding="utf-8")


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise SystemExit(f"{path} is missing: run training/latent_morph/run.sh first")
    return json.loads(path.read_text(encoding="utf-8"))


def filled(text: str, tables: dict[str, str]) -> str:
    """Return a text with every table put where its name stands; SystemExit if one has no place."""
    for name, table in tables.items():
        place = re.compile(rf"(<!-- table {name} -->\n).*?(\n<!-- end -->)", re.DOTALL)
        text, found = place.subn(lambda match, table=table: match[1] + table + match[2], text)
        if found != 1:
            raise SystemExit(f"README.md must have one place for the table {name}, it has {found}")
    return text


def by_kind(figures: dict[str, dict[str, Any]]) -> Figures:
    """Return the figures of each kind's seeds, in order of the seeds."""
    kinds: Figures = {}
    for name in sorted(figures):
        kind, _, seed = name.rpartition("-")
        if seed.isdigit() and figures[name]["about"]["kind"] == kind:
            kinds.setdefault(kind, []).append(figures[name])
    return kinds


def spread(values: list[float], digits: int = 1) -> str:
    """Return a mean, and the standard deviation where there are several."""
    mean = f"{np.mean(values):.{digits}f}"
    return mean if len(values) < 2 else f"{mean} ± {np.std(values, ddof=1):.{digits}f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return rows as Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _of(seeds: list[dict[str, Any]], *keys: str) -> list[Any]:
    found = seeds
    for key in keys:
        found = [one[key] for one in found]
    return found


def labels(figures: Figures) -> str:
    """Return the table of signal to symbol."""
    head = ["% right: frames (notes)", "octave", "pitch class", "dynamics of 5", "instrument"]
    rows = []
    for kind, asked, title in ROWS:
        if kind not in figures:
            continue
        seeds = figures[kind]
        several = f", {len(seeds)} seeds" if len(seeds) > 1 and "**" in title else ""
        cells = [title.replace(", unseen keys**", several + ", unseen keys**")]
        for of in HEADS:
            found = [spread(_of(seeds, asked, f"{of} {each}")) for each in ("frame", "note")]
            cells.append(f"{found[0]} ({found[1]})")
        rows.append(cells)
    return table(head, rows)


def wanted(figures: Figures) -> str:
    """Return the table of what should be reached, and whether it is."""
    seeds, rows = figures["B"], []

    def row(title: str, found: list[float], least: float, more: str = "", digits: int = 1) -> None:
        reached = np.mean(found) >= least if least > 0 else np.mean(found) <= -least
        rows.append([title, spread(found, digits) + more, "yes" if reached else "**missed**"])

    def told(kind: str, asked: str, title: str) -> None:
        for of in HEADS:
            for each in ("frame", "note"):
                bar = DYNAMICS[each] if of == "dynamics" else LEAST[of]
                rival = ""
                if (classifier := kind.replace("B", "classifier")) in figures:
                    value = figures[classifier][0][asked][f"{of} {each}"]
                    rival = f"; the classifier {value:.1f}"
                name = f"{TRANSLATED.get(of, of)}{title}, a {each}: {bar} %"
                row(name, _of(figures[kind], asked, f"{of} {each}"), bar, rival)

    def near(kind: str, asked: str, title: str) -> None:
        rival = kind.replace("B", "classifier")
        if rival not in figures:
            return
        for each in ("frame", "note"):
            gaps = {
                of: float(np.mean(_of(figures[kind], asked, f"{of} {each}")))
                - figures[rival][0][asked][f"{of} {each}"]
                for of in HEADS
            }
            said = ", ".join(f"{TRANSLATED.get(of, of)} {gap:+.1f}" for of, gap in gaps.items())
            reached = min(gaps.values()) >= -NEAR_CLASSIFIER
            rows.append([f"{title}, {each}s", said, "yes" if reached else "**missed**"])

    told("B", "pitches", " of 17, unseen keys")
    if "B-eight" in figures:
        told("B-eight", "pitches eight", ", eight alone, unseen keys")
    near("B", "pitches", "within 3 points of the classifier")
    if "B-eight" in figures:
        near("B-eight", "pitches eight", "the eight alone, within 3 points of their classifier")
    row("level error from labels / autoencoded: 1.25", _of(seeds, "levels", "ratio"), -1.25, "", 3)
    every = ("sounds", "all")
    nearest = _of(seeds, *every, "nearest", "mel")
    beside = f"; nearest take {spread(nearest, 2)}"
    for way, title in (("autoencoded", "autoencoded"), ("labels", "from labels alone")):
        least = min(5.8, float(np.mean(nearest)))
        name = f"mel LSD {title}: 5.8 dB, and below the nearest take"
        row(name, _of(seeds, *every, way, "mel"), -least, beside, 2)
    row("analysis and resynthesis: 3.0 dB", _of(seeds, *every, "analysed", "mel"), -3.0, "", 2)
    own, near_by = (spread(_of(seeds, *every, way, "rise")) for way in ("autoencoded", "nearest"))
    row(
        "median rise-time error: 15 ms",
        _of(seeds, *every, "labels", "rise"),
        -15,
        f" from labels, {own} autoencoded; nearest take {near_by}",
    )
    for frames, apart in ((94, "a label a second"), (40, "a label each 0.43 s")):
        for how, title in (("linear", "straight"), ("even", "straight, even pace")):
            ways = _of(seeds, "paths", f"{frames} frames")
            ratios = [way["none"]["rms"] / way[how]["rms"] for way in ways]
            row(f"RMS roughness none / {title}: 5, {apart}", ratios, 5)
    row("wobble of a held frame: 0.2 dB", _of(seeds, "wobble", "all"), -0.2, " the worst", 2)
    steps = [
        min(min(one["louder"], one["brighter"]) for one in seed.values())
        for seed in _of(seeds, "velocity")
    ]
    row("harder keys louder and brighter: 90 % of steps", steps, 90, " the worst instrument", 0)
    return table(["wanted", f"reached ({len(seeds)} seeds: mean ± deviation)", ""], rows)


def instruments(seeds: list[dict[str, Any]]) -> str:
    """Return a row for each instrument."""
    ways = {"analysed": "analysis", "autoencoded": "autoencoded", "labels": "from labels"}
    ways |= {"nearest": "nearest take"}
    told = ["told, keys", "told, recordings", "dynamics, keys"]
    head = ["", *told, *ways.values(), "rise", "brighter"]
    rows = []
    for place, name in enumerate(NAMES):
        cells = [name]
        for asked in ("pitches", "takes"):
            counts = np.array(_of(seeds, f"{asked} instrument"))[:, place]
            notes = int(counts[0].sum())
            right = 100 * counts[:, place].mean() / max(notes, 1)
            cells.append(f"{right:.0f} ({notes})" if notes else "none")
        loud = [one[name] for one in _of(seeds, "pitches dynamics of") if name in one]
        right = np.mean([one["note"] for one in loud]) if loud else 0.0
        cells.append(f"{right:.0f} ({loud[0]['notes']})" if loud else "none")
        heard = [seed["sounds"].get(name) for seed in seeds]
        if None in heard:
            continue
        cells += [f"{np.mean([one[way]['mel'] for one in heard]):.1f}" for way in ways]
        cells.append(f"{np.mean([one['labels']['rise'] for one in heard]):.0f}")
        cells.append(f"{np.mean(_of(seeds, 'velocity', name, 'octaves')):.2f}")
        rows.append(cells)
    return table(head, rows)


def paths(seeds: list[dict[str, Any]]) -> str:
    """Return the roughness of paths."""
    ways = {"none": "none", "linear": "linear", "cubic": "cubic", "even": "linear, even"}
    rows = []
    for frames, title in (("40 frames", "a label each 0.43 s"), ("94 frames", "a label a second")):
        cells = [title]
        for way in ways:
            rms, most = (_of(seeds, "paths", frames, way, of) for of in ("rms", "max"))
            cells.append(f"{spread(rms, 2)} ({spread(most)})")
        rows.append(cells)
    return table(["", *ways.values()], rows)


def midi(seeds: list[dict[str, Any]]) -> str:
    """Return what is read back of a played MIDI file."""
    heads = ("octave", "class", "instrument")
    rows = [
        [name, *(f"{np.mean(_of(seeds, 'midi', name, head)):.0f}" for head in heads)]
        for name in seeds[0]["midi"]
    ]
    return table(["", "octave", "pitch class", "instrument"], rows)


def inversion(figures: Figures) -> str:
    """Return the paper's inversion of form A."""
    kinds = [kind for kind in ("A", "A+", "wide", "paper") if kind in figures]
    titles = ("the recording itself", "form A, autoencoded", "form A, from labels")
    rows = []
    for way, title in zip(("analysed", "autoencoded", "labels"), titles, strict=True):
        found = [figures[kind][0]["griffin-lim"] for kind in kinds]
        cells = [f"{one[f'{way} mel']:.1f} ({one[f'{way} rise']:.0f})" for one in found]
        rows.append([title, *cells])
    return table(["bins of", *kinds], rows)


def synth(found: dict[str, Any]) -> str:
    """Return the paper's form beside the live one."""
    one, eight = found["cost_us"]["1 voices"], found["cost_us"]["8 voices"]
    titles = {
        "live form": "live form, 2 x 128, in the callback",
        "synth": "neural synth, 2 x 1,000",
        "2 x 5000": "the paper's size, 2 x 5,000, weights by chance",
    }
    of = {"live form": "live", "synth": "synth"}
    rows = []
    for key, title in titles.items():
        heard = found.get(of.get(key, ""), {})
        rows.append([
            title,
            f"{heard['mel']:.2f}" if heard else "",
            f"{heard['rise_ms']:.1f}" if heard else "",
            f"{one[key]:,.0f}" if one[key] >= 100 else f"{one[key]:.1f}",
            f"{eight[key]:,.0f}",
        ])  # fmt: skip
    head = ["", "mel LSD dB", "median rise error ms", "us a frame, 1 voice", "us a frame, 8 voices"]
    return table(head, rows)


def mixtures(found: dict[str, Any]) -> str:
    """Return what is told of two instruments at once."""
    rows = []
    for of, title in (("of two", "both play"), ("alone", "one plays")):
        for kind, name in (("pair", ""), ("classifier", ", classifier")):
            heads = [f"{head} {of}" for head in ("octave", "class", "dynamics")]
            cells = [found[kind][head] for head in heads]
            cells += [found[kind]["silence"]] if of == "alone" else []
            said = [f"{cell['frame']:.1f} ({cell['mixture']:.1f})" for cell in cells]
            rows.append([title + name, *said, *[""] * (4 - len(said))])
    return table(
        ["cello and flute", "octave", "pitch class", "dynamics of 5", "which is silent"], rows
    )


def costs(figures: Figures) -> str:
    """Return what each training took."""
    rows = []
    for kind, seeds in figures.items():
        for about in _of(seeds, "about"):
            data = "the train split" + (" of the eight" if kind.endswith("eight") else "")
            name = f"{kind}-{about['seed']}, best on validation after update {about['updates']:,}"
            rows.append([name, str(about["seed"]), data, f"{about['cpu_s']:,.0f}"])
    return table(["", "seed", "data", "CPU seconds until then"], rows)


if __name__ == "__main__":
    main()
