"""The page that leads a user into a DAW: its commands are run, its names are those of our ports."""

import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

import engine
from engine import cli
from engine.soundfonts import bundled_soundfont
from tests.ardour import ardour
from tests.servers import JackServer

PAGE = Path(engine.__file__).with_name("DAW.md").read_text(encoding="utf-8")
SOUNDFONT = "/usr/share/sounds/sf2/default-GM.sf2"  # the page's; there only if one is installed


def commands(section: str = "") -> list[list[str]]:
    """The commands of a section, or of all, in their order."""
    text = PAGE.split(f"## {section}\n", 1)[1].split("\n## ")[0] if section else PAGE
    lines = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [shlex.split(line) for block in lines for line in block.strip().splitlines()]


def test_every_command_of_ours_is_a_legal_one() -> None:
    parser = cli.build_parser()
    ours = [words for words in commands() if words[0] == "ripieno"]
    assert len(ours) >= 4
    for words in ours:
        parser.parse_args(words[1:])
    for quoted in re.findall(r"`ripieno ([^`]*)`", PAGE):
        parser.parse_args(shlex.split(quoted))
    options = re.findall(r"`(--[^`]*)`", PAGE)
    assert len(options) >= 8
    for quoted in options:
        words = shlex.split(quoted)
        if words != ["--in"]:  # named without a value
            parser.parse_args(["play", *words])


def test_every_sentence_in_the_table_of_faults_is_one_we_say() -> None:
    folder = Path(engine.__file__).parent
    source = "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))
    table = PAGE.split("## When something is lost")[1]
    said = [words for row in table.splitlines()[4:] for words in re.findall(r"`([^`]*)`", row)]
    assert len(said) >= 5
    for words in said:
        fixed = max(re.split(r"\d+|ardour|ports?\b|\(|\)", words), key=len).strip()
        assert fixed in source.replace('"\n            f"', "").replace('"\n            "', ""), (
            fixed
        )


@pytest.mark.jack
@pytest.mark.slow
def test_the_linux_commands_lead_from_keyboard_to_daw(
    jack_server: JackServer, tmp_path: Path
) -> None:
    steps = commands("Linux")
    play = next(words for words in steps if words[0] == "ripieno")
    synth = next(words for words in steps if words[0] == "fluidsynth")
    if not Path(SOUNDFONT).exists():
        synth = [str(bundled_soundfont()) if word == SOUNDFONT else word for word in synth]
    links = [words for words in steps if words[0] in ("jack_connect", "jack_disconnect")]
    assert len(links) == 5
    returns = commands("Audio back into Ripieno")
    rest = ["--osc-port", "0", "--no-record", "--duration", "120"]
    daw = {"Violin": ["system:capture_1", "system:capture_2"]}
    with (
        subprocess.Popen(
            [sys.executable, "-m", "engine.cli", *play[1:], *rest],
            env=jack_server.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        ) as ripieno,
        subprocess.Popen(
            synth,
            env=jack_server.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as orchestra,
    ):
        try:
            jack_server.wait_for("ripieno:midi_out", 60)
            jack_server.wait_for("fluidsynth-midi:midi_00", 30)
            time.sleep(1.0)  # it registers its ports, then runs
            with ardour(jack_server, tmp_path, daw):
                for words in [*links, *returns]:
                    run(jack_server, words)
                ports = "\n".join(jack_server.ports("-c"))
        finally:
            orchestra.communicate("quit\n", timeout=20)
            ripieno.terminate()
    for name in re.findall(r"`((?:midi|master|stem|return)_\w+)`", PAGE):
        if not re.fullmatch(r"midi_out_\d\d", name):  # those appear when they are asked for
            assert f"ripieno:{name}\n" in ports
    for words in links:
        made = f"{words[1]}\n   {words[2]}" in ports
        assert made == (words[0] == "jack_connect"), words


def run(server: JackServer, words: list[str]) -> None:
    subprocess.run(words, env=server.env, check=True, timeout=10)
