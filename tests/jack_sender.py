"""An independent JACK client for tests: sends MIDI at exact frames, with a click beside each.

    python -m tests.jack_sender NAME '[[frame, [144, 60, 100]], ...]'

It has the ports NAME:midi (events) and NAME:click (one sample of 1.0 at the frame of every event
that is a note-on), prints "ready", and starts to count frames when a line arrives on stdin. After
the last event it prints "done" and stays until stdin ends.
"""

import json
import sys
import time
from typing import Any

import jack
import numpy as np


def main(name: str, events: list[tuple[int, list[int]]]) -> None:
    client = jack.Client(name, no_start_server=True)
    midi: Any = client.midi_outports.register("midi")
    click: Any = client.outports.register("click")
    queue = sorted(events)
    position = -1

    @client.set_process_callback
    def process(frames: int) -> None:
        nonlocal position
        midi.clear_buffer()
        out = np.frombuffer(click.get_buffer(), np.float32)
        out[:] = 0.0
        if position < 0:
            return
        while queue and queue[0][0] < position + frames:
            frame, message = queue.pop(0)
            midi.write_midi_event(frame - position, bytes(message))
            if message[0] & 0xF0 == 0x90 and message[2] > 0:
                out[frame - position] = 1.0
        position += frames

    with client:
        print("ready", flush=True)
        sys.stdin.readline()
        position = 0
        while queue:
            time.sleep(0.01)
        print("done", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
