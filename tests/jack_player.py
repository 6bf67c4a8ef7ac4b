"""An independent JACK client for tests: plays a sound file, and marks its first frame by MIDI.

    python -m tests.jack_player NAME FILE.wav

It has the ports NAME:sound (the file's first channel) and NAME:mark (a note-on of key 0 on channel
16 in the frame where the file begins), prints "ready", plays when a line arrives on stdin, prints
"done" after the file's end and stays until stdin ends.
"""

import sys
import time
from typing import Any

import jack
import numpy as np
import soundfile

MARK = bytes((0x9F, 0, 1))


def main(name: str, path: str) -> None:
    audio, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    client = jack.Client(name, no_start_server=True)
    if client.samplerate != rate_hz:
        raise SystemExit(f"{path} has {rate_hz} Hz, the server {client.samplerate} Hz")
    sound: Any = client.outports.register("sound")
    mark: Any = client.midi_outports.register("mark")
    position = -1

    @client.set_process_callback
    def process(frames: int) -> None:
        nonlocal position
        mark.clear_buffer()
        out = np.frombuffer(sound.get_buffer(), np.float32)
        out[:] = 0.0
        if position < 0:
            return
        if position == 0:
            mark.write_midi_event(0, MARK)
        part = audio[position : position + frames, 0]
        out[: len(part)] = part
        position += frames

    with client:
        print("ready", flush=True)
        sys.stdin.readline()
        position = 0
        while position < len(audio):
            time.sleep(0.01)
        print("done", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
