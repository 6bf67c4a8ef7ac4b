"""Play: every note from the keyboard goes, as it is struck, to the instrument it belongs to.

With no MIDI keyboard, the computer's own plays (the A row from C, Z and X move an octave), or a
file does (--from). Escape is panic, Q or Ctrl-C leaves. Every take is recorded as it happens; R
keeps what you just played, the last ten minutes at most, as a take of its own, also with
--no-record.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from engine.commands.arguments import (
    add_chord_window,
    add_rate,
    add_sound,
    add_soundfont,
    channels,
    number,
    whole,
)

SUMMARY = "play live: a keyboard, or a MIDI file, through an ensemble"
EXAMPLES = """\
examples:
  ripieno play                                  every keyboard, string quartet
  ripieno play --ensemble satb_choir --chord-window 30
  ripieno play --in "Launchkey" --out jack
  ripieno play --out BlackHole --output-channels all    stems into a DAW; see engine/DAW.md
  ripieno play --from bach.mid --out none --duration 20
  ripieno play --midi-out ports --midi-only --sync jack
  ripieno play --block 64 --rate 48000 --osc-port 9000
  ripieno play --continue                       when you stop, the ensemble plays on
  ripieno play --sound cello_flute_trumpet      the modulation wheel leads from one to the next
  ripieno play --setlist concert                program change 1, 2, 3: the next rig"""
DRAW_PERIOD_S = 0.1
AFTER_FILE_S = 3.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from engine.addresses import DEFAULT_PORT

    parser.add_argument(
        "--in",
        dest="input_port",
        metavar="PORT",
        help="a MIDI input whose name contains this (default: the one chosen while playing the "
        "last time, else every input; none: no input)",
    )
    parser.add_argument(
        "--out",
        metavar="DEVICE",
        help="jack, none, auto, or a sound card whose name contains this (default: what was chosen "
        "while playing the last time, else auto: JACK if its server runs, else the system's sound "
        "card)",
    )
    parser.add_argument(
        "--from",
        dest="from_file",
        metavar="FILE",
        type=Path,
        help="play this file in real time, as if at the keyboard: MIDI, MusicXML, DAWproject",
    )
    _add_what(parser)
    add_sound(parser)
    add_chord_window(parser)
    parser.add_argument(
        "--settle",
        action="store_true",
        help="let notes sound at once, and move them to another part when their chord is "
        "complete (its window: --chord-window, else 45 ms)",
    )
    parser.add_argument(
        "--block",
        metavar="FRAMES",
        type=whole(16, 8192, "frames"),
        help="frames a callback: smaller is faster, larger is safer (default: 128; JACK's own "
        "with JACK)",
    )
    parser.add_argument(
        "--output-channels",
        metavar="N",
        type=channels,
        help="channels of the sound card to play to: the master on 1 and 2, the parts' stems on "
        "the pairs after them; all: as many as it has (default: 2; with JACK every stem has ports)",
    )
    parser.add_argument(
        "--input-channels",
        metavar="N",
        type=int,
        choices=(0, 2, 4),
        default=0,
        help="channels of the same sound card that are mixed in, as one or two stereo returns "
        "(default: 0; with JACK the returns have ports)",
    )
    add_rate(parser, default=None)
    add_soundfont(parser)
    _add_sync(parser)
    _add_continue(parser)
    parser.add_argument(
        "--osc-port",
        metavar="PORT",
        type=whole(0, 65535, "(0: any free port)"),
        help=f"where remotes may send OSC (default: as chosen in the window, else {DEFAULT_PORT}; "
        "see engine/CONTROL.md)",
    )
    parser.add_argument(
        "--osc-host",
        metavar="ADDRESS",
        default="127.0.0.1",
        help="the address remotes reach it at; 0.0.0.0 lets in everybody on the network, without "
        "a password (default: %(default)s, this machine alone)",
    )
    parser.add_argument("--no-record", action="store_true", help="record only what R asks for")
    parser.add_argument("--takes", metavar="FOLDER", type=Path, help="record into this folder")
    parser.add_argument(
        "--duration",
        metavar="S",
        type=number(0.1, 86400, "s"),
        help="leave after so many seconds",
    )


def _add_continue(parser: argparse.ArgumentParser) -> None:
    from engine.address_row import CONTINUATION_MODES

    parser.add_argument(
        "--continue",
        dest="continuation",
        metavar="MODE",
        nargs="?",
        const="takeover",
        choices=CONTINUATION_MODES,
        help="let the ensemble play on by itself: takeover (when you have stopped; the default), "
        "trade (so many bars each), accompany (the other parts, while you play), vary (your last "
        "bars), off (default: as the rig says)",
    )


def _add_sync(parser: argparse.ArgumentParser) -> None:
    from engine.address_row import SYNC_SOURCES

    names = [name.replace("_", "-") for name in SYNC_SOURCES]
    parser.add_argument(
        "--sync",
        metavar="SOURCE",
        choices=names,
        default=names[0],
        help=f"who leads the clock: {', '.join(names)} (default: %(default)s)",
    )
    parser.add_argument(
        "--jack-master",
        action="store_true",
        help="tell JACK's other programs bar, beat and tempo",
    )
    parser.add_argument(
        "--midi-out",
        metavar="WHERE",
        help="send what the parts play: channels (a channel a part on one port), ports (a port a "
        "part), or to the port whose name contains this (JACK has the first without asking)",
    )
    parser.add_argument(
        "--midi-only", action="store_true", help="make no sound here: every part only goes out"
    )
    parser.add_argument(
        "--clock-out", action="store_true", help="send MIDI clock, start, stop and song position"
    )


def _add_what(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--ensemble",
        metavar="NAME",
        help="a name (`ripieno devices` lists them) or a TOML file (default: string_quartet)",
    )
    what.add_argument(
        "--rig",
        metavar="NAME",
        help="a rig: ensemble, mixer, plugins and learned controls (`ripieno rigs` lists them), or "
        "a TOML file",
    )
    what.add_argument("--resume", action="store_true", help="go on as you left it the last time")
    parser.add_argument(
        "--setlist",
        metavar="NAME",
        help="rigs in their order, or a TOML file; a program change moves to the rig of its number",
    )


def run(arguments: argparse.Namespace) -> int:
    from engine import compiling, realtime, report, terminal
    from engine.chosen_port import remembered_port
    from engine.devices import AUTO
    from engine.errors import RipienoError
    from engine.session import Session, Settings

    if arguments.setlist and (arguments.ensemble or arguments.resume):
        raise RipienoError("--setlist brings its own rigs: leave out --ensemble and --resume")
    realtime.exit_on_signals()
    performance = _read(arguments.from_file)
    device, input_port, sentences = _last_chosen(arguments)
    settings = Settings(
        ensemble=arguments.ensemble,
        sound=arguments.sound,
        rig=arguments.rig,
        setlist=arguments.setlist,
        resume=arguments.resume,
        remember=True,
        output=arguments.out or AUTO,
        input_port=input_port,
        rate_hz=arguments.rate,
        block_frames=arguments.block,
        output_channels=arguments.output_channels,
        input_channels=arguments.input_channels,
        chord_window_ms=arguments.chord_window,
        settle=arguments.settle,
        soundfont=arguments.soundfont,
        osc_port=remembered_port() if arguments.osc_port is None else arguments.osc_port,
        osc_host=arguments.osc_host,
        record=not arguments.no_record,
        rolling=True,
        takes_folder=arguments.takes,
        continuation=arguments.continuation,
        midi_out=arguments.midi_out,
        midi_only=arguments.midi_only,
        clock_out=arguments.clock_out,
        sync_source=arguments.sync.replace("-", "_"),
        jack_master=arguments.jack_master,
    )
    line = terminal.StatusLine()
    compiling.say_if_first(line.say)
    try:
        with (
            Session(settings, say=line.say, device=device) as session,
            terminal.raw_keys() as read_keys,
        ):
            for sentence in sentences:
                session.say(sentence)
            for sentence in report.introduction(session):
                line.say(sentence)
            if sys.stdin.isatty():
                line.say(terminal.HELP)
            player = session.inputs.play_file(performance) if performance else None
            _loop(session, player, line, read_keys, arguments.duration)
    finally:
        line.close()
    for sentence in report.summary(session):
        line.say(sentence)
    return 0


def _last_chosen(arguments: argparse.Namespace) -> tuple[Any, str | None, list[str]]:
    """Device and input as chosen the last time, where the command line says nothing else."""
    from engine import chosen_devices

    chosen = chosen_devices.remembered()
    device, input_port, said = None, arguments.input_port, ["", ""]
    if input_port is None:
        input_port, said[0] = chosen_devices.input_there(chosen)
    if arguments.out is None:
        channels = arguments.output_channels, arguments.input_channels
        device, said[1] = chosen_devices.open_output(
            chosen, arguments.rate, arguments.block, *channels
        )
    return device, input_port, [sentence for sentence in said if sentence]


def _read(path: Path | None) -> Any:
    if path is None:
        return None
    from engine.interchange.scores import read_score

    return read_score(path)


def _loop(session: Any, player: Any, line: Any, read_keys: Any, duration_s: float | None) -> None:
    import time

    from engine import terminal

    piano = terminal.ComputerPiano(session.inputs.play_key)
    start_s = time.monotonic()
    end_s = start_s + duration_s if duration_s else float("inf")
    drawn_s = 0.0
    try:
        while not session.quit_wanted.is_set():
            typed = read_keys(0.02)
            now_s = time.monotonic()
            if typed and not terminal.is_arrow(typed) and not _obeyed(session, piano, typed, now_s):
                return
            piano.release_due(now_s)
            if line.live and now_s - drawn_s >= DRAW_PERIOD_S:
                drawn_s = now_s
                line.show(session)
            if player is not None and not player.playing:
                player, end_s = None, min(end_s, now_s + AFTER_FILE_S)
            if now_s >= end_s:
                return
    finally:
        piano.release_all()


def _obeyed(session: Any, piano: Any, typed: str, now_s: float) -> bool:
    """Obey what was typed; False to leave."""
    from engine.errors import RipienoError

    try:
        return _keys(session, piano, typed, now_s)
    except RipienoError as error:  # an ensemble that cannot be read ends no music
        session.say(f"{error}.")
        return True


def _keys(session: Any, piano: Any, typed: str, now_s: float) -> bool:
    from engine import terminal

    for character in typed:
        if character.lower() == terminal.QUIT_KEY:
            return False
        if character == terminal.PANIC_KEY:
            piano.down.clear()
            session.panic()
        elif character.lower() == terminal.KEEP_KEY:
            session.keep()
        elif character in "[]":
            step_ms = 5.0 if character == "]" else -5.0
            wanted_ms = session.get("chord_window_ms") + step_ms
            session.set("chord_window_ms", min(45.0, max(0.0, wanted_ms)))
        elif character in "123456789":
            names = session.ensemble_ids()
            if int(character) <= len(names):
                session.set_ensemble(names[int(character) - 1])
        else:
            piano.press(character, now_s)
    return True
