"""An independent JACK client for tests: writes down the MIDI it hears, each event at its frame.

    python -m tests.midi_ear NAME [PORT ...]

It has the input NAME:in, connected from the ports named, prints "ready" when it listens, and on
the end of stdin one line of JSON: [[frame, "hexadecimal"], ...], frames as the server counts them.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jack

Heard = list[tuple[int, str]]


def main(name: str, ports: list[str]) -> None:
    client = jack.Client(name, no_start_server=True)
    ear: Any = client.midi_inports.register("in")
    heard: Heard = []

    @client.set_process_callback
    def process(frames: int) -> None:
        start = client.last_frame_time
        for offset, data in ear.incoming_midi_events():
            heard.append((start + offset, bytes(data).hex()))

    with client:
        for port in ports:
            client.connect(port, f"{name}:in")
        print("ready", flush=True)
        sys.stdin.read()
    print(json.dumps(heard), flush=True)


@contextmanager
def listening(env: dict[str, str], *ports: str, name: str = "ear") -> Iterator[Heard]:
    """What is heard from ports while the block runs; complete when it has ended."""
    heard: Heard = []
    with subprocess.Popen(
        [sys.executable, "-m", "tests.midi_ear", name, *ports],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as ear:
        assert ear.stdin is not None
        assert ear.stdout is not None
        assert ear.stdout.readline() == "ready\n"
        try:
            yield heard
        finally:
            ear.stdin.close()
            line = ear.stdout.readline()
            heard += [(frame, message) for frame, message in json.loads(line or "[]")]
            ear.wait(10)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
