"""Write down what a recording plays: one instrument, or two together.

Every note gets its beginning, end, key and loudness, and the instrument that plays it gets a track
with its program. Any sound file will do (WAV, FLAC, Ogg, MP3), at any rate, mono or stereo. With
--live an audio input becomes a MIDI source instead: notes are sent while they sound, about a tenth
of a second late.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from engine.commands.arguments import number

SUMMARY = "a recording in, its notes as MIDI out; or live, from an audio input"
EXAMPLES = """\
examples:
  ripieno transcribe flute.wav -o flute.mid
  ripieno transcribe duo.flac -o duo.mid --instruments violin piano --png
  ripieno transcribe --live                        what the microphone hears, as MIDI
  ripieno transcribe --live --to ripieno:midi_in   into a `ripieno play` that runs"""
DEFAULT_TEMPO_BPM = 120.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", metavar="IN", type=Path, nargs="?", help="a sound file")
    parser.add_argument("-o", "--output", metavar="OUT.mid", type=Path, help="where to write")
    parser.add_argument(
        "--instruments",
        metavar="NAME",
        nargs="+",
        default=[],
        help="who plays, commas between names of several words (default: the one or two that are "
        "heard)",
    )
    parser.add_argument("--solo", action="store_true", help="there is but one instrument")
    parser.add_argument(
        "--tempo",
        metavar="BPM",
        type=number(20, 400, "beats a minute"),
        help=f"the tempo its beats are written in (default: {DEFAULT_TEMPO_BPM:g}); "
        "seconds stay what they are",
    )
    parser.add_argument("--png", action="store_true", help="also draw it as a piano roll")
    parser.add_argument("--live", action="store_true", help="listen to an audio input instead")
    live = parser.add_argument_group("with --live")
    live.add_argument(
        "--in",
        dest="source",
        metavar="INPUT",
        help="an audio port of JACK or a sound card's input whose name contains this (default: "
        "the first input; JACK's if its server runs)",
    )
    live.add_argument(
        "--to", metavar="PORT", help="play into the MIDI input whose name contains this"
    )
    live.add_argument(
        "--gain",
        metavar="DB",
        type=number(-24, 48, "dB"),
        help="make the input so much louder (default: 0)",
    )
    live.add_argument(
        "--duration", metavar="S", type=number(0.1, 86400, "s"), help="leave after so many seconds"
    )


def run(arguments: argparse.Namespace) -> int:
    from engine.errors import RipienoError

    of_files = (arguments.input, arguments.output, arguments.instruments, arguments.tempo)
    if arguments.live:
        if any(of_files) or arguments.solo or arguments.png:
            raise RipienoError(
                "--live listens to an input: a file and what is for files go without"
            )
        return _live(arguments)
    live = (arguments.source, arguments.to, arguments.gain, arguments.duration)
    if any(value is not None for value in live):
        raise RipienoError("--in, --to, --gain and --duration are for --live")
    if arguments.input is None or arguments.output is None:
        raise RipienoError("a sound file and -o OUT.mid are needed, or --live")
    if arguments.solo and arguments.instruments:
        raise RipienoError("--solo finds the one instrument, --instruments says who they are")
    _transcribe(arguments)
    return 0


def _transcribe(arguments: argparse.Namespace) -> None:
    import time

    from engine.errors import RipienoError
    from engine.midi.files import write_midi
    from engine.midi.tempo import TempoMap
    from engine.terminal import StatusLine
    from engine.transcription.transcribing import transcribe

    folder = arguments.output.parent
    if not folder.is_dir():
        raise RipienoError(f"{arguments.output}: there is no folder {folder}")
    line, began = StatusLine(), time.perf_counter()
    try:
        found = transcribe(
            arguments.input,
            _names(arguments.instruments),
            most=1 if arguments.solo else 2,
            watch=lambda share: line.draw(f"listening: {100 * share:.0f} %"),
        )
    finally:
        line.draw("")
        line.close()
    tempo = TempoMap.from_beats([(0.0, 60 / (arguments.tempo or DEFAULT_TEMPO_BPM))])
    title = arguments.input.stem
    write_midi(arguments.output, found.tracks, found.events, tempo, title=title)
    counts = ", ".join(f"{track.name} {_count(found, track)}" for track in found.tracks)
    took_s = time.perf_counter() - began
    print(f"{arguments.output}: {counts} notes; {found.seconds:.1f} s of sound in {took_s:.1f} s")
    if arguments.png:
        _draw(arguments.output.with_suffix(".png"), found, title)


def _names(words: list[str]) -> list[str]:
    """Return the names that the words of --instruments mean."""
    text = ",".join(words) if not any("," in word for word in words) else " ".join(words)
    return [name.strip() for name in text.split(",") if name.strip()]


def _count(found: Any, track: Any) -> int:
    """Return how many notes a track has."""
    place = [name.capitalize() for name in found.names].index(track.name)
    return int((found.players == place).sum())


def _draw(path: Path, found: Any, title: str) -> None:
    from engine.pictures import RollNote, draw_rolls

    order = [track.name for track in found.tracks]
    names = [name.capitalize() for name in found.names]
    roll = [
        RollNote(
            float(note["start_s"]),
            float(note["end_s"]),
            int(note["pitch"]),
            order.index(names[player]),
        )
        for note, player in zip(found.notes, found.players, strict=True)
    ]
    caption = f"{len(roll)} notes heard in {found.seconds:.1f} s"
    draw_rolls(path, [("", roll)], order, title, caption)


def _live(arguments: argparse.Namespace) -> int:
    from engine.terminal import StatusLine
    from engine.transcription.live import LiveTranscription, delay_sentence, listen
    from engine.transcription.transcribing import LIVE, load_network

    listener = _open_listener(arguments.source or "", arguments.to or "")
    line = StatusLine()
    try:
        transcription = LiveTranscription(load_network(LIVE), listener.rate_hz)
        print(f"Listening to {listener.description}.", flush=True)
        print(delay_sentence(listener, transcription), flush=True)
        figures = listen(
            listener,
            transcription,
            arguments.duration,
            arguments.gain or 0.0,
            watch=lambda now: line.draw(f"{now.level_db:5.0f} dB  {now.notes} notes"),
        )
        line.close()
        if not listener.alive:
            print("The audio input has gone.")
        if listener.lost:
            print("Sound was missed: the computer was too busy to hear all of it.")
    finally:
        listener.close()
    half_ms, most_ms = figures.work_ms
    print(
        f"{figures.notes} notes in {figures.seconds:.1f} s; a frame took {half_ms:.1f} ms to hear, "
        f"1 in 100 more than {most_ms:.1f} ms."
    )
    return 0


def _open_listener(source: str, to: str) -> Any:
    """Return JACK's listener where its server runs, else the sound card's."""
    from engine.errors import RipienoError
    from engine.jack import jack_running
    from engine.transcription.card_listener import CardListener
    from engine.transcription.jack_listener import JackListener

    if jack_running():
        return JackListener(source, to)
    try:
        return CardListener(source, to)
    except RipienoError as error:
        raise RipienoError(f"no JACK server runs, and {error}") from error
