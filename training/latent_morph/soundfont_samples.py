"""The recordings in a SoundFont: which sample a program plays, at which key, looped to a length.

Only what originals.py needs: the left or only channel of each sample of bank 0's programs, once.
"""

import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

INSTRUMENT, SAMPLE, MODES, ROOT_KEY = 41, 53, 54, 58  # generators
RIGHT, ROM = 2, 0x8000
LOOPED_S = 2.0  # what loops is as long as this


@dataclass(frozen=True)
class Sample:
    """One recording of a program."""

    program: int
    name: str
    key: int
    rate_hz: int
    data: np.ndarray  # (n,) int16
    loop: tuple[int, int]  # places in data; equal: none

    def audio(self, longest_s: float) -> np.ndarray:
        """Return its sound, -1 to 1, what loops as long as LOOPED_S."""
        audio = self.data.astype(np.float32) / 32768
        first, last = self.loop
        if 0 <= first < last <= len(audio):
            wanted = int(LOOPED_S * self.rate_hz)
            rounds = max(0, -(-(wanted - last) // (last - first)))
            audio = np.concatenate([audio[:last], np.tile(audio[first:last], rounds)])[:wanted]
        return audio[: int(longest_s * self.rate_hz)]


def samples_of(content: bytes, programs: tuple[int, ...]) -> Iterator[Sample]:
    """Yield the samples of programs; SystemExit if it is no SoundFont."""
    chunks = _chunks(content)
    try:
        tables = {name: chunks[name] for name in ("phdr", "pbag", "pgen", "inst", "ibag", "igen")}
        sound = np.frombuffer(chunks["smpl"], "<i2")
        headers = list(struct.iter_unpack("<20s5IBbHH", chunks["shdr"]))
    except (KeyError, struct.error, ValueError) as error:
        raise SystemExit(f"this is no SoundFont: {error}") from None
    presets = list(struct.iter_unpack("<20sHHHIII", tables["phdr"]))
    instruments = list(struct.iter_unpack("<20sH", tables["inst"]))
    for preset, following in itertools.pairwise(presets):
        program, bank = preset[1], preset[2]
        if bank != 0 or program not in programs:
            continue
        seen = set()
        for zone in _zones(tables["pbag"], tables["pgen"], preset[3], following[3]):
            if INSTRUMENT not in zone:
                continue
            first, last = (instruments[zone[INSTRUMENT] + n][1] for n in (0, 1))
            for own in _zones(tables["ibag"], tables["igen"], first, last):
                place = own.get(SAMPLE)
                if place is None or place in seen:
                    continue
                seen.add(place)
                name, start, end, loop, loop_end, rate_hz, key, _, _, kind = headers[place]
                if kind & (RIGHT | ROM):
                    continue
                looped = own.get(MODES, 0) & 1
                yield Sample(
                    program,
                    name.split(b"\0")[0].decode("latin-1"),
                    own.get(ROOT_KEY, key),
                    rate_hz,
                    sound[start:end],
                    (loop - start, loop_end - start) if looped else (0, 0),
                )


def _zones(bags: bytes, generators: bytes, first: int, last: int) -> Iterator[dict[int, int]]:
    """Yield the generators of each zone from bag `first` to before `last`; a global one's count."""
    table = list(struct.iter_unpack("<HH", bags))
    rows = list(struct.iter_unpack("<HH", generators))
    common: dict[int, int] = {}
    for bag in range(first, last):
        own = dict(rows[table[bag][0] : table[bag + 1][0]])
        if bag == first and SAMPLE not in own and INSTRUMENT not in own:
            common = own
        yield {**common, **own}


def _chunks(content: bytes) -> dict[str, bytes]:
    """Return the chunks of a RIFF file by name, lists opened."""
    found: dict[str, bytes] = {}

    def read(first: int, last: int) -> None:
        while first + 8 <= last:
            name, size = content[first : first + 4], struct.unpack_from("<I", content, first + 4)[0]
            body = first + 8
            if name in (b"RIFF", b"LIST"):
                read(body + 4, min(body + size, last))
            else:
                found[name.decode("latin-1")] = content[body : body + size]
            first = body + size + size % 2

    read(0, len(content))
    return found
