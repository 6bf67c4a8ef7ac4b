"""Writes presets/demo/herzliebster_jesu.mid, which `ripieno demo` plays: a track for each voice.

The chorale, BWV 244.3 by J. S. Bach (public domain), is one of the held-out test files: the model
that ships has never learnt from it. The tempo is ours: it lingers on the fermatas and slows down
at the end. Run after prepare.py; the file it writes is in the repository.
"""

import argparse
from pathlib import Path

from engine.midi.files import write_midi
from engine.midi.performance import Track, in_playing_order, new_events
from engine.midi.tempo import TempoMap
from training.part_separation.prepare import BUILD, PARTS, TICKS, load

NAME, TITLE = "bwv244.3", "J. S. Bach: Herzliebster Jesu, BWV 244.3"
OUT = Path(__file__).parents[2] / "presets" / "demo" / "herzliebster_jesu.mid"
TEMPO_BPM = 66.0
UPBEAT_BEATS = 1.0
# (beat, share of the tempo) from there on: each phrase leans into its fermata and breathes
SLOWER = (
    *((10.0, 0.88), (11.0, 0.52), (12.0, 1.0)),
    *((21.0, 0.9), (23.0, 0.52), (24.0, 1.0)),
    *((33.0, 0.9), (35.0, 0.52), (36.0, 0.96)),
    *((38.0, 0.88), (39.0, 0.76), (40.0, 0.62), (41.0, 0.55)),
)
VELOCITY = 80


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=BUILD / "corpus.npz")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    chorale = next(c for c in load(options.data, "test") if c.name == NAME)
    tempo = TempoMap.from_beats(
        [(0.0, 60.0 / TEMPO_BPM), *((beat, 60.0 / TEMPO_BPM / share) for beat, share in SLOWER)]
    )
    rows = []
    for onset, length, pitch, part in chorale.notes.tolist():
        start_s, end_s = (
            float(s) for s in tempo.to_seconds([onset / TICKS, (onset + length) / TICKS])
        )
        rows.append((start_s, bytes((0x90, pitch, VELOCITY)), part))
        rows.append((end_s, bytes((0x80, pitch, 64)), part))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write_midi(
        options.out,
        [Track(name.capitalize(), 52, channel=i) for i, name in enumerate(PARTS, start=1)],
        in_playing_order(new_events(rows)),
        tempo,
        time_signatures=[(0.0, 1, 4), (UPBEAT_BEATS, 4, 4)],
        key_signatures=[(0.0, "Bm")],
        title=TITLE,
    )
    print(f"{options.out}: {len(chorale.notes)} notes, {max(row[0] for row in rows):.1f} s")


if __name__ == "__main__":
    main()
