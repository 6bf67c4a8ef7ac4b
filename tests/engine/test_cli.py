"""The command line: exit codes, one-sentence errors, help with examples, and each command whole."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile

import engine
from engine import cli
from engine.errors import RipienoError
from engine.midi.files import read_midi
from engine.paths import presets_folder
from engine.soundfonts import bundled_soundfont
from tests import servers
from tests.engine.test_control import Client

PIECE = str(presets_folder() / "demo" / "herzliebster_jesu.mid")
FONT = ("--soundfont", str(bundled_soundfont()))
CACHES = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))  # before fixtures move HOME
NAMES = [module.__name__.rsplit(".", 1)[1].rstrip("_") for module in cli.COMMANDS]


def ripieno(*arguments: str, timeout_s: float = 240) -> subprocess.CompletedProcess[str]:
    """Run the program as a user does, where no JACK server is."""
    return subprocess.run(
        [sys.executable, "-m", "engine.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        env=lonely(),
        stdin=subprocess.DEVNULL,
    )


def lonely() -> dict[str, str]:
    return {**os.environ, "JACK_DEFAULT_SERVER": "ripieno-no-such-server", "MPLBACKEND": "Agg"}


def test_version(capsys) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"ripieno {engine.version()}\n"
    assert engine.version()[0].isdigit()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a screen")
def test_without_arguments_the_window_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    """The window is a program of its own: where there is no screen, it says so and what to do."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    done = ripieno()
    assert done.returncode == 1
    assert done.stderr == (
        "ripieno: there is no screen here for the window; `ripieno play` needs none\n"
    )


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in NAMES)])
def test_help_has_examples(arguments: list[str], capsys) -> None:
    assert cli.main(arguments) == 0
    text = capsys.readouterr().out
    assert "examples:\n  ripieno " in text
    assert "--verbose" in text


def test_every_example_is_a_legal_command_line() -> None:
    parser = cli.build_parser()
    for text in (cli.EPILOG, *(module.EXAMPLES for module in cli.COMMANDS)):
        for line in text.splitlines()[1:]:
            for command in line.split("   ")[0].strip().split("&&"):
                words = command.replace('"', "").split()
                if words[:1] == ["ripieno"] and words[1] != "COMMAND":
                    parser.parse_args(words[1:])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["dance"], "dance"),
        (["play", "--chord-window", "60"], "60 is outside 0 .. 45 ms"),
        (["play", "--chord-window", "nan"], "nan is outside"),
        (["play", "--block", "8"], "8 is outside 16 .. 8192 frames"),
        (["play", "--block", "1e3"], "'1e3' is not a whole number of frames"),
        (["play", "--rate", "1"], "1 is outside"),
        (["play", "--osc-port", "70000"], "70000 is outside 0 .. 65535"),
        (["play", "--output-channels", "36"], "36 is outside 2 .. 34 channels"),
        (["play", "--output-channels", "5"], "5: channels come in pairs, 2 .. 34"),
        (["connections", "--forget", "a", "--forget-all"], "not allowed"),
        (["play", "--duration", "soon"], "'soon' is not a number of s"),
        (["arrange", "a.mid"], "-o"),
        (["render", "a.mid", "-o", "b.wav", "--tail", "99"], "99 is outside 0 .. 60 s"),
    ],
)
def test_wrong_usage_is_2_and_names_the_range(arguments: list[str], says: str, capsys) -> None:
    assert cli.main(arguments) == 2
    assert says in capsys.readouterr().err


def bad_files(folder: Path) -> dict[str, Path]:
    files = {name: folder / name for name in ("empty.mid", "text.mid", "cut.mid", "bad.toml")}
    files["empty.mid"].write_bytes(b"")
    files["text.mid"].write_bytes(b"This is not music.")
    files["cut.mid"].write_bytes(Path(PIECE).read_bytes()[:200])
    files["bad.toml"].write_text("name = 3", encoding="utf-8")
    files["no.mid"] = folder / "no.mid"
    return files


@pytest.mark.parametrize("name", ["empty.mid", "text.mid", "cut.mid", "no.mid"])
@pytest.mark.parametrize("command", ["arrange", "render", "play"])
def test_a_bad_file_is_1_and_one_sentence(
    command: str, name: str, tmp_path: Path, capsys, monkeypatch
) -> None:
    from engine import realtime

    monkeypatch.setattr(realtime, "exit_on_signals", lambda: None)
    bad = str(bad_files(tmp_path)[name])
    out = tmp_path / ("out.mid" if command == "arrange" else "out.wav")
    rest = ["--from", bad, "--out", "none"] if command == "play" else [bad, "-o", str(out)]
    assert cli.main([command, *rest]) == 1
    error = capsys.readouterr().err
    assert error.startswith("ripieno: ")
    assert error.count("\n") == 1
    assert name in error
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--ensemble", "kazoos"], "kazoos"),
        (["--ensemble", "bad.toml"], "bad.toml"),
        (["--soundfont", "text.mid"], "text.mid"),
        (["--soundfont", "no.mid"], "no.mid"),
    ],
)
def test_a_bad_preset_or_font_is_1_and_one_sentence(
    arguments: list[str], says: str, tmp_path: Path, capsys
) -> None:
    files = bad_files(tmp_path)
    words = [str(files.get(word, word)) for word in arguments]
    assert cli.main(["render", PIECE, "-o", str(tmp_path / "out.wav"), *words]) == 1
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_verbose_gives_the_traceback(tmp_path: Path, capsys) -> None:
    missing = str(tmp_path / "no.mid")
    assert cli.main(["arrange", missing, "-o", "x.mid", "--verbose"]) == 1
    assert "Traceback" in capsys.readouterr().err
    assert cli.main(["--verbose", "arrange", missing, "-o", "x.mid"]) == 1
    assert "Traceback" in capsys.readouterr().err
    assert cli.main(["arrange", missing, "-o", "x.mid"]) == 1
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (SystemExit(143), 143),
        (RipienoError("no"), 1),
        (MemoryError(), 1),
        (PermissionError(13, "Permission denied", "a.wav"), 1),
        (ZeroDivisionError("division\nby zero"), 1),
    ],
)
def test_whatever_happens_has_its_code(
    error: BaseException, code: int, capsys, monkeypatch
) -> None:
    def failing(_: object) -> int:
        raise error

    monkeypatch.setattr(cli.COMMANDS[NAMES.index("devices")], "run", failing)
    try:
        assert cli.main(["devices"]) == code
    except SystemExit as leaving:
        assert leaving.code == code
    assert capsys.readouterr().err.count("\n") == (code == 1)


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from engine import cli; cli.main(['play', '--help']); "
        "heavy = {'numpy', 'numba', 'matplotlib', 'mido', 'rtmidi', 'sounddevice', 'soundfile'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_devices_lists_ensembles() -> None:
    done = ripieno("devices", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert "string_quartet" in [ensemble["id"] for ensemble in found["ensembles"]]
    assert found["jack"] is None
    assert "satb_choir" in ripieno("devices").stdout


def test_connections_are_listed_and_forgotten(capsys, monkeypatch, tmp_path: Path) -> None:
    from engine.connections import Link, connections_file, write

    monkeypatch.setenv("RIPIENO_HOME", str(tmp_path))
    assert cli.main(["connections"]) == 0
    assert "Nothing is remembered" in capsys.readouterr().out
    strings = Link("stem_01_left", "Ardour:Strings/audio_in 1")
    write(connections_file(), {strings}, {Link("master_left", "system:playback_1")})
    assert cli.main(["connections"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert listed[0].split(maxsplit=1) == list(strings)
    assert listed[1].endswith("(not connected by itself)")
    assert cli.main(["connections", "--forget", "ardour"]) == 0
    assert capsys.readouterr().out == f"Forgotten: {strings.port} and {strings.peer}\n"
    assert cli.main(["connections", "--forget", "ardour"]) == 0
    assert "Nothing remembered contains 'ardour'" in capsys.readouterr().out
    assert cli.main(["connections", "--forget-all"]) == 0
    assert "system:playback_1" in capsys.readouterr().out
    connections_file().write_text("format = 3")
    assert cli.main(["connections", "--forget-all"]) == 1
    assert "format must be 1, got 3" in capsys.readouterr().err
    assert connections_file().read_text() == "format = 3"


def test_a_reader_that_leaves_is_no_error() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "engine.cli", "devices"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=lonely(),
    )
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 0


def test_doctor_says_ready() -> None:
    done = ripieno("doctor")
    assert done.returncode == 0, done.stdout
    assert "Ready" in done.stdout
    states = {finding["state"] for finding in json.loads(ripieno("doctor", "--json").stdout)}
    assert states <= {"ok", "advice"}


@pytest.mark.slow
def test_arrange_then_render(tmp_path: Path) -> None:
    arranged, wav, stems = tmp_path / "a.mid", tmp_path / "a.wav", tmp_path / "stems"
    done = ripieno("arrange", PIECE, "-o", str(arranged), "--ensemble", "brass_quartet")
    assert done.returncode == 0, done.stderr
    assert [track.name for track in read_midi(arranged).tracks] == [
        "Trumpet",
        "Horn",
        "Trombone",
        "Tuba",
    ]
    done = ripieno(
        *("render", str(arranged), "-o", str(wav), "--stems", str(stems), *FONT),
        *("--ensemble", "brass_quartet"),
    )
    assert done.returncode == 0, done.stderr
    assert "each track on its part" in done.stdout
    assert 45 < soundfile.info(wav).duration < 55
    assert len(list(stems.iterdir())) == 4


@pytest.mark.slow
def test_the_demo_writes_all_four_files(tmp_path: Path) -> None:
    done = ripieno("demo", "--out", str(tmp_path), "--offline", *FONT)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "demo.json").read_text(encoding="utf-8"))
    assert report["mode"] == "offline"
    assert report["notes"] == report["notes_by_network"] == 190
    assert report["accuracy_percent"]["zero_delay"] >= 90
    assert report["accuracy_percent"]["window_45_ms"] >= 96
    assert report["accuracy_percent"]["played"] == report["accuracy_percent"]["zero_delay"]
    assert report["wrong_notes"] == round(190 * (1 - report["accuracy_percent"]["played"] / 100))
    assert (report["xruns"], report["dropped_events"]) == (0, 0)
    assert len(report["model"]["sha256"]) == 64
    audio, rate_hz = soundfile.read(tmp_path / "demo.wav")
    assert 0.1 < abs(audio).max() <= 1.0
    assert len(audio) / rate_hz == pytest.approx(report["seconds_of_sound"], abs=0.1)
    assert 45 < report["seconds_of_sound"] < 55
    played = read_midi(tmp_path / "demo.mid")
    assert [track.name for track in played.tracks] == ["Violin I", "Violin II", "Viola", "Cello"]
    assert len(played.notes()) == 190
    assert (tmp_path / "demo.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_play_leaves_after_its_duration_with_a_take(tmp_path: Path) -> None:
    done = ripieno(
        *("play", "--out", "none", "--in", "none", "--from", PIECE, "--duration", "2"),
        *("--osc-port", "0", "--takes", str(tmp_path), *FONT),
    )
    assert done.returncode == 0, done.stderr
    assert "notes, delay" in done.stderr
    assert done.stdout == ""
    (take,) = tmp_path.iterdir()
    assert (take / "take.mid").exists()
    listed = ripieno("takes", "--folder", str(tmp_path))
    assert listed.returncode == 0
    assert take.name in listed.stdout


class Playing:
    """`ripieno play` in a process, with its OSC port."""

    def __init__(self, *arguments: str) -> None:
        words = ("play", "--out", "none", "--in", "none", "--no-record", "--osc-port", "0")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "engine.cli", *words, *FONT, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=lonely(),
        )
        assert self.process.stderr
        for line in self.process.stderr:
            if "OSC" in line:
                self.port = int(line.rsplit(" ", 1)[1].rstrip(".\n"))
                return
        raise AssertionError("it ended before it began")

    def end(self) -> int:
        _, self.rest = self.process.communicate(timeout=30)
        return self.process.returncode


@pytest.mark.slow
def test_it_is_heard_through_the_systems_sound_server(pipewire: servers.PipeWire) -> None:
    environment = {
        **pipewire.env,
        "JACK_DEFAULT_SERVER": "ripieno-no-such-server",
        "XDG_CACHE_HOME": CACHES,
    }
    words = ("play", "--in", "none", "--from", PIECE, "--no-record", "--duration", "6", *FONT)
    process = subprocess.Popen(
        [sys.executable, "-m", "engine.cli", *words, "--osc-port", "0"],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stderr
    said = process.stderr.readline()
    heard = pipewire.record(3.0)
    rest = process.communicate(timeout=60)[1]
    assert process.returncode == 0, said + rest
    assert "String quartet" in said
    assert abs(heard).max() > 0.02
    assert "notes, delay" in rest


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_in_order(number: int, code: int) -> None:
    playing = Playing("--from", PIECE)
    time.sleep(0.5)
    playing.process.send_signal(number)
    assert playing.end() == code
    assert "Traceback" not in playing.rest


@pytest.mark.slow
def test_it_can_be_ended_from_afar() -> None:
    playing = Playing()
    client = Client(playing.port)
    assert client.ask("/ripieno/version")[1][0] == engine.version()
    client.send("/ripieno/quit")
    assert playing.end() == 0
    client.socket.close()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_the_computer_keyboard_plays(tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "engine.cli", "play", "--out", "none", "--in", "none"),
            *("--osc-port", "0", "--takes", str(tmp_path), *FONT),
        ],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**lonely(), "COLUMNS": "150"},
    )
    os.close(theirs)
    shown = read_until(ours, "xrun")
    os.write(ours, b"adg]")
    shown += read_until(ours, "window 5 ms")
    time.sleep(1.0)
    os.write(ours, b"\x1b")
    shown += read_until(ours, "silenced")
    os.write(ours, b"q")
    shown += read_until(ours, "Recorded")
    assert process.wait(20) == 0
    os.close(ours)
    assert "3 notes" in shown
    (take,) = tmp_path.iterdir()
    assert sorted(read_midi(take / "take.mid").notes()["pitch"]) == [60, 64, 67]


def read_until(descriptor: int, text: str, timeout_s: float = 90) -> str:
    import select

    shown, end_s = "", time.monotonic() + timeout_s
    while text not in shown:
        assert time.monotonic() < end_s, shown
        if select.select([descriptor], [], [], 0.2)[0]:
            shown += os.read(descriptor, 4096).decode("utf-8", "replace")
    return shown
