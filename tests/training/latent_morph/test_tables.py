"""The README's tables out of measured figures."""

import json
from pathlib import Path

import pytest

from training.latent_morph import tables
from training.latent_morph.sources import HEADS


def told(right: float) -> dict[str, float]:
    return {f"{head} {each}": right for head in HEADS for each in ("frame", "note")}


def measured(kind: str, seed: int, right: float) -> dict:
    parts = ("", " sustain", " eight", " once", " frames")
    asked = [f"{which}{part}" for which in ("pitches", "takes") for part in parts]
    about = {"kind": kind, "seed": seed, "updates": 1000, "cpu_s": 12.3}
    return {"about": about, **{which: told(right) for which in asked}}


def test_seeds_of_a_kind_stand_together_and_other_networks_are_left_out() -> None:
    figures = {f"B-{seed}": measured("B", seed, 90 + seed) for seed in (2, 1)}
    figures["tried"] = measured("B", 1, 0)
    figures["classifier-eight-1"] = measured("classifier-eight", 1, 90)
    kinds = tables.by_kind(figures)
    assert list(kinds) == ["B", "classifier-eight"]
    assert [one["about"]["seed"] for one in kinds["B"]] == [1, 2]


def test_several_seeds_are_a_mean_and_a_deviation() -> None:
    assert tables.spread([91.0, 93.0]) == "92.0 ± 1.4"
    assert tables.spread([91.04]) == "91.0"


def test_labels_are_rows_of_frames_and_notes() -> None:
    figures = tables.by_kind({f"B-{seed}": measured("B", seed, 90.0 + seed) for seed in (1, 3)})
    rows = tables.labels(figures).splitlines()
    assert rows[2].startswith("| **B, 2 seeds, unseen keys** | 92.0 ± 1.4 (92.0 ± 1.4) |")
    assert len(rows) == 2 + 8


@pytest.mark.parametrize(("right", "said"), [(92.0, "yes"), (91.0, "**missed**")])
def test_a_pair_is_held_against_its_classifier(right: float, said: str) -> None:
    figures = {"B-1": measured("B", 1, right), "classifier-1": measured("classifier", 1, 94.5)}
    for name in ("levels", "paths", "wobble", "velocity", "sounds"):
        figures["B-1"][name] = SOUND[name]
    rows = tables.wanted(tables.by_kind(figures)).splitlines()
    near = [row for row in rows if row.startswith("| within 3 points of the classifier, frames")]
    assert near[0].endswith(f"| {said} |")
    assert f"octave {right - 94.5:+.1f}" in near[0]


WAYS_OF_SOUND = ("analysed", "autoencoded", "labels", "nearest")
WAYS = {way: {"rms": 1.0, "max": 1.0} for way in ("none", "linear", "cubic", "even")}
HEARD = {way: {"mel": 5.0, "rise": 10.0} for way in WAYS_OF_SOUND}
SOUND = {
    "levels": {"ratio": 1.3},
    "paths": {"40 frames": WAYS, "94 frames": WAYS},
    "wobble": {"all": 0.1},
    "velocity": {"violin": {"louder": 100.0, "brighter": 80.0}},
    "sounds": {"all": HEARD},
}


def test_bars_are_upper_or_lower_ones() -> None:
    figures = {"B-1": measured("B", 1, 96.0) | SOUND}
    lines = tables.wanted(tables.by_kind(figures)).splitlines()
    rows = {line.split("|")[1].strip(): line for line in lines}
    assert "missed" in rows["level error from labels / autoencoded: 1.25"]
    assert rows["wobble of a held frame: 0.2 dB"].endswith("| yes |")
    assert "missed" in rows["RMS roughness none / straight: 5, a label a second"]
    assert "missed" in rows["harder keys louder and brighter: 90 % of steps"]
    assert rows["dynamics of 17, unseen keys, a note: 80 %"].endswith("| yes |")


def test_a_table_takes_its_place_and_nothing_else_moves() -> None:
    text = (
        "before\n<!-- table a -->\nold\nold\n<!-- end -->\nafter\n<!-- table b -->\n\n<!-- end -->"
    )
    done = tables.filled(text, {"a": "| new |", "b": r"| \1 |"})
    assert done == (
        "before\n<!-- table a -->\n| new |\n<!-- end -->\nafter\n"
        "<!-- table b -->\n| \\1 |\n<!-- end -->"
    )
    with pytest.raises(SystemExit, match="one place for the table c, it has 0"):
        tables.filled(text, {"c": ""})


def test_what_was_not_measured_is_asked_for(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("sys.argv", ["tables", "--folder", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"figures\.json is missing: run training/.*run\.sh first"):
        tables.main()
    (tmp_path / "figures.json").write_text(json.dumps({}))
    with pytest.raises(SystemExit, match="tells nothing of the live form B"):
        tables.main()


def test_the_readme_has_a_place_for_every_table() -> None:
    text = tables.README.read_text(encoding="utf-8")
    names = ("labels", "wanted", "instruments", "paths", "midi")
    names += ("inversion", "synth", "mixtures", "costs")
    assert tables.filled(text, dict.fromkeys(names, "x")).count("<!-- end -->") == len(names)
