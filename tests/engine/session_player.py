"""A session in a program of its own, for tests: plays the demo's piece over and over on JACK.

    python -m tests.engine.session_player OUT.npy

Prints every sentence the session says, and what it rendered goes to OUT.npy, (frames, 2) float32,
when a line comes on stdin or stdin ends.
"""

import sys
import threading
import time

import numpy as np

from engine.midi.files import read_midi
from engine.paths import presets_folder
from engine.session import Session, Settings
from engine.soundfonts import bundled_soundfont

PIECE = presets_folder() / "demo" / "herzliebster_jesu.mid"


def main(out: str) -> None:
    rendered: list[np.ndarray] = []
    ended = threading.Event()
    settings = Settings(output="jack", input_port="none", soundfont=bundled_soundfont())

    def say(sentence: str) -> None:
        print(sentence, flush=True)

    with Session(
        settings, say, on_audio=lambda audio: rendered.append(audio[:, :2].copy())
    ) as session:
        threading.Thread(target=lambda: (sys.stdin.readline(), ended.set()), daemon=True).start()
        say("playing")
        while not ended.is_set():
            player = session.inputs.play_file(read_midi(PIECE))
            while player.playing and not ended.is_set():
                time.sleep(0.02)
    np.save(out, np.concatenate(rendered))
    say("done")


if __name__ == "__main__":
    main(sys.argv[1])
