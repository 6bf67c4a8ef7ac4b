"""Rigs on a session with the real engine: switched without a gap, saved, taken back, resumed.

The engine is rendered here instead of by a device, so that every sample is known.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine import repertoire as repertoire_module
from engine.bindings import Binding
from engine.ensembles import load_ensemble
from engine.errors import RipienoError
from engine.paths import config_folder, presets_folder
from engine.plugins.chain import ChainSpec, PluginSpec
from engine.preset_files import PresetError
from engine.repertoire import last_state_file
from engine.rigs import RigError, load_rig
from engine.session import Session, Settings
from engine.soundfonts import bundled_soundfont
from tests.engine.plugins.callback_role import wait_until
from tests.engine.rig_helpers import controller, note_off, note_on

RATE_HZ = 48000
QUIET = {"output": "none", "input_port": "none", "soundfont": bundled_soundfont()}
DRY = """\
format = 1
name = "{name}"
ensemble = "{ensemble}"
[settings]
chord_window_ms = 0
assigner = "zones"
"""


class HandDevice:
    """A device that runs the engine only when the test renders."""

    rate_hz, block_frames, latency_frames, description = RATE_HZ, 128, 0, "a test's hands"
    alive = True

    def start(self, engine) -> None:
        engine.begin(self.block_frames, False)
        self.engine = engine

    def name_parts(self, names) -> None: ...

    def tend(self) -> list[str]:
        return []

    def close(self) -> None: ...


class Hands(Session):
    """A session whose threads are the test's: nothing happens between its steps."""

    def play(self, seconds: float, *messages: bytes) -> np.ndarray:
        """Send messages now, render, and carry what was reported; (frames, 2)."""
        for message in messages:
            assert self.engine.midi(message, self.engine.frame)
        pieces = []
        for _ in range(round(seconds * RATE_HZ) // 128):
            pieces.append(self.engine.render(128, 128))
            self.pump()
        return np.concatenate(pieces)

    def look(self) -> None:
        """What the repertoire's own thread would do now."""
        self.repertoire._look()


@pytest.fixture
def said() -> list[str]:
    return []


def by_hand(settings: Settings, said: list[str]) -> Hands:
    """A session without threads: pump, tender and repertoire act when the test says so."""
    session = Hands(settings, said.append, device=HandDevice())
    session._repeat = lambda step, period_s: None
    session.repertoire._run = lambda: None
    return session


@pytest.fixture
def hands(said: list[str]) -> Iterator[Hands]:
    with by_hand(Settings(**QUIET), said) as session:
        session.play(0.05)
        yield session
        session.engine.render(1024)


@pytest.fixture
def own() -> Iterator[Path]:
    """A folder for rigs of the test's own."""
    folder = config_folder() / "rigs"
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
    for path in folder.glob("*.toml"):
        path.unlink()


def settle(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the second pass after which changes are a step of their own."""
    later_s = time.monotonic() + 2.0
    with monkeypatch.context() as patch:
        patch.setattr(repertoire_module.time, "monotonic", lambda: later_s)
        hands.look()


def setlist(folder: Path, *rigs: str) -> Path:
    path = folder / "list.toml"
    names = ", ".join(f'"{rig}"' for rig in rigs)
    path.write_text(f'format = 1\nname = "List"\nrigs = [{names}]\n', encoding="utf-8")
    return path


def test_a_rig_sets_everything_up(hands: Hands, said: list[str]) -> None:
    hands.repertoire.play("cathedral_choir")
    assert hands.ensemble_id() == "satb_choir"
    assert hands.get("send_a", 0) == 0.6
    assert (hands.get("tempo_bpm"), hands.get("chord_window_ms")) == (66, 30)
    assert hands.repertoire.rig_id == "cathedral_choir"
    assert said == ["Rig: Cathedral choir."]
    assert hands.plugins.slots() == ["send a"]
    hands.repertoire.play("faders")
    assert hands.get("tempo_bpm") == 66  # not mentioned: it stays
    assert hands.get("chord_window_ms") == 0  # as its ensemble has it
    assert len(hands.learn.bindings) == 6
    assert hands.plugins.slots() == []
    hands.repertoire.play("brass_fanfare")
    assert len(hands.learn.bindings) == 6
    assert hands.state()["chord_mode"] == "settle"


def test_the_ensemble_plays_on_only_in_rigs_that_say_so(hands: Hands) -> None:
    hands.repertoire.play("answering_quartet")
    assert hands.continuation.mode == "takeover"
    hands.repertoire.play("cathedral_choir")
    assert hands.continuation.mode == "off"
    assert hands.get("continuation_length_bars") == 8  # the rest stays


def test_rigs_that_say_nothing_of_it_play_on_as_the_command_line_wished() -> None:
    with by_hand(Settings(**QUIET, continuation="trade"), []) as hands:
        hands.play(0.05)
        hands.repertoire.play("answering_quartet")
        assert hands.continuation.mode == "takeover"
        hands.repertoire.play("cathedral_choir")
        assert hands.continuation.mode == "trade"
        hands.engine.render(1024)


def test_what_is_captured_sets_the_same_up_again(hands: Hands, own: Path) -> None:
    hands.repertoire.play("night_band")
    hands.set("gain_db", -7.5, 2)
    hands.set("solo", 1, 1)
    hands.edit_part(0, program=71, low=50)
    hands.learn.bind(Binding("/ripieno/part/1/pan", number=9, channel=3, curve=2.0))
    path = hands.repertoire.save("My band")
    assert path == own / "my_band.toml"
    before = hands.repertoire.text()
    hands.repertoire.play("chamber_quartet")
    hands.learn.replace([])
    hands.repertoire.play("my_band")
    assert hands.repertoire.text() == before
    assert (hands.get("gain_db", 2), hands.get("solo", 1)) == (-7.5, 1)
    assert (hands.ensemble.parts[0].program, hands.ensemble.parts[0].low) == (71, 50)
    rig = load_rig("my_band")
    assert rig.parts["Alto sax"] == {"program": 71, "low": 50, "gain_db": 1.5, "send_b": 0.5}


def test_editing_a_part_leaves_the_mixer(hands: Hands) -> None:
    hands.set("gain_db", -9, 1)
    hands.set("mute", 1, 1)
    hands.set("chord_window_ms", 12)
    hands.edit_part(1, program=60, midi_channel=9)
    assert (hands.get("gain_db", 1), hands.get("mute", 1)) == (-9, 1)
    assert hands.get("chord_window_ms") == 12
    with pytest.raises(RipienoError, match=r"part 2: low = 127 must not be above high"):
        hands.edit_part(1, low=127)
    assert hands.ensemble.parts[1].program == 60


def test_a_rig_that_cannot_be_changes_nothing(hands: Hands, own: Path) -> None:
    (own / "bad.toml").write_text('format = 1\nname = "Bad"\n[parts.Harp]\npan = 1\n')
    before = hands.repertoire.text()
    with pytest.raises(RigError, match="no part of String quartet is called 'Harp'"):
        hands.repertoire.play("bad")
    assert hands.repertoire.text() == before
    assert hands.repertoire.rig_id == ""


def test_changes_can_be_taken_back_and_made_again(hands: Hands, monkeypatch) -> None:
    play = hands.repertoire
    play.play("chamber_quartet")
    for db in (-1, -2, -3):  # within a second: one step
        hands.set("gain_db", db, 0)
    assert play.state()["unsaved"]
    settle(hands, monkeypatch)
    hands.set_ensemble("brass_quartet")
    settle(hands, monkeypatch)
    assert (play.state()["undo"], play.state()["redo"]) == (3, 0)
    hands.set("tempo_bpm", 77)
    play.undo()  # the change that has not settled is a step too
    assert (hands.get("tempo_bpm"), hands.ensemble_id()) == (96, "brass_quartet")
    play.undo()
    assert (hands.ensemble_id(), hands.get("gain_db", 0)) == ("string_quartet", -3)
    play.undo()
    assert hands.get("gain_db", 0) == 1.5
    assert not play.state()["unsaved"]
    play.undo()
    assert play.rig_id == ""
    with pytest.raises(RigError, match="there is nothing to take back"):
        play.undo()
    for _ in range(4):
        play.redo()
    assert hands.get("tempo_bpm") == 77
    with pytest.raises(RigError, match="there is nothing to make again"):
        play.redo()
    play.undo()
    hands.set("tempo_bpm", 50)
    settle(hands, monkeypatch)
    assert play.state()["redo"] == 0


def test_a_program_change_moves_to_its_rig(hands: Hands, said: list[str]) -> None:
    hands.play(0.01, bytes((0xC0, 1)))
    hands.look()
    assert hands.repertoire.rig_id == ""  # no set list: nothing to move to
    hands.repertoire.use_setlist("concert")
    assert hands.repertoire.rig_id == "chamber_quartet"
    hands.play(0.01, bytes((0xC5, 2)))
    hands.look()
    assert hands.repertoire.rig_id == "brass_fanfare"
    assert hands.ensemble_id() == "brass_quartet"
    assert hands.state()["rig"]["setlist"]["place"] == 3
    hands.play(0.01, bytes((0xC5, 9)))
    assert said[-1] == "Program change 10: Concert has no rig 10: choose 1 to 4."
    hands.repertoire.use_setlist("")
    with pytest.raises(RigError, match="no set list is being played"):
        hands.repertoire.step(1)


def test_a_learned_pedal_steps_through_the_set_list(hands: Hands) -> None:
    hands.repertoire.use_setlist("concert")
    hands.learn.bind(Binding("/ripieno/setlist/next", number=80))
    for expected in ("cathedral_choir", "brass_fanfare", "night_band", "night_band"):
        hands.play(0.02, controller(80, 127), controller(80, 0))
        hands.look()
        assert hands.repertoire.rig_id == expected
    hands.repertoire.step(-1)
    hands.repertoire.step(-1)  # before the first was carried out: two back
    hands.look()
    assert hands.repertoire.rig_id == "cathedral_choir"


@pytest.mark.slow
def test_the_neighbours_are_at_hand_before_they_are_wanted(hands: Hands, own: Path) -> None:
    bank = (presets_folder() / "ensembles" / "pop_band.toml").read_text(encoding="utf-8")
    (own / "ours.toml").write_text(bank.replace("program =", 'sound = "bank"\nprogram ='))
    (own / "b.toml").write_text('format = 1\nname = "B"\nensemble = "ours.toml"\n')
    hands.repertoire.use_setlist(setlist(own, "chamber_quartet", "b.toml", "night_band"))
    hands.look()  # its thread prepares
    engine = hands.engine
    slots = set(engine._players.slots.values())
    assert len(slots) == 4
    hands.repertoire.step(1)
    hands.look()
    assert hands.repertoire.rig_id == "b"
    assert set(engine._players.slots.values()) == slots
    hands.play(0.2)
    assert {int(part["bank"]) for part in engine._rig.parts[:4]} == slots


@pytest.mark.slow
def test_the_plugins_of_the_neighbours_are_loaded_ahead(hands: Hands) -> None:
    hands.repertoire.use_setlist("concert")
    hands.look()
    (waiting,) = hands.plugins._standby._waiting  # the choir's reverberation
    end_s = time.monotonic() + 20.0
    while not waiting.ready and time.monotonic() < end_s:
        time.sleep(0.02)
    hands.repertoire.step(1)
    hands.look()
    assert hands.repertoire.rig_id == "cathedral_choir"
    state = hands.plugins.state()["send a"]
    assert (state["state"], state["pid"]) == ("running", waiting.host.pid)


ABSENT = """\
[chains."part 2"]
plugins = [
    {path = "FOLDER/Absent.vst3", bypass = true, parameters = {"Size" = 0.25}, state = "c3RhdGU="},
    {path = "pedalboard:Gain"},
]
[chains."Master"]
plugins = [{path = "Some synth nobody has"}]
"""


def test_plugins_that_are_not_here_are_kept_as_they_are(
    hands: Hands, said: list[str], own: Path, tmp_path: Path
) -> None:
    text = DRY.format(name="Elsewhere", ensemble="string_quartet") + ABSENT
    (own / "elsewhere.toml").write_text(text.replace("FOLDER", str(tmp_path)))
    rig = load_rig("elsewhere")
    hands.repertoire.play("elsewhere")
    (told,) = (sentence for sentence in said if sentence.startswith("Part 2 plays without its"))
    assert told == f"Part 2 plays without its plugins: {tmp_path}/Absent.vst3 is not there."
    state = hands.plugins.state()["part 2"]
    assert (state["state"], state["plugins"][0]["name"]) == ("failed", "Absent")
    assert sum("nobody has" in sentence for sentence in said) == 1

    hands.repertoire.save("Saved here")
    saved = load_rig("saved_here")
    assert saved.chains == {"part 2": rig.chains["part 2"], "master": rig.chains["Master"]}
    hands.set("gain_db", -3, 0)
    hands.repertoire.play("saved_here")
    assert sum("plays without" in sentence for sentence in said) == 2, "each is told once"
    assert hands.plugins.missing() == ["master", "part 2"]

    hands.repertoire.play("chamber_quartet")
    assert "part 2" not in hands.plugins.slots()


@pytest.mark.slow
def test_a_plugin_that_was_missing_is_loaded_when_it_is_there(
    hands: Hands, said: list[str], own: Path, tmp_path: Path
) -> None:
    text = DRY.format(name="Later", ensemble="string_quartet")
    path = tmp_path / "ZamGateX2.vst3"
    chain = f'[chains."part 1"]\nplugins = [{{path = "{path}"}}]\n'
    (own / "later.toml").write_text(text + chain)
    hands.repertoire.play("later")
    assert hands.plugins.missing() == ["part 1"]
    path.symlink_to("/usr/lib/vst3/ZamGateX2.vst3")
    hands.plugins.restore_missing()
    assert hands.plugins.missing() == []
    end_s = time.monotonic() + 20.0
    while hands.plugins.state()["part 1"]["state"] != "running" and time.monotonic() < end_s:
        time.sleep(0.02)
    assert hands.plugins.state()["part 1"]["state"] == "running", said


@pytest.mark.slow
def test_a_controller_moves_a_plugin_and_the_rig_keeps_it(hands: Hands, own: Path) -> None:
    """A real effect's parameter, learned; saved with its raw state, it comes back as it was."""
    address = "/ripieno/chain/part_1/1/parameter/Threshold"
    spec = ChainSpec((PluginSpec("/usr/lib/vst3/ZamCompX2.vst3"),))
    hands.plugins.set_chain("part 1", spec)
    wait_until(lambda: hands.plugins.state()["part 1"]["state"] == "running", 30.0)
    hands.learn.learn(address)
    hands.play(0.02, controller(74, 64))
    assert [binding.address for binding in hands.learn.bindings] == [address]
    for value in range(128):  # past where it stands, to the end: it is picked up on the way
        hands.play(0.01, controller(74, value))
    assert hands.plugins.value("part 1", 0, "Threshold") == 1.0
    hands.repertoire.save("Compressed")
    (saved,) = load_rig("compressed").chains["part 1"]["plugins"]
    assert saved["parameters"]["Threshold"] == 1.0
    assert len(saved["state"]) > 20
    hands.repertoire.play("chamber_quartet")
    assert "part 1" not in hands.plugins.slots()
    hands.repertoire.play("compressed")
    wait_until(lambda: hands.plugins.state()["part 1"]["state"] == "running", 30.0)
    values = {p["name"]: p["value"] for p in hands.plugins.parameters("part 1", 0)}
    assert values["Threshold"] == pytest.approx(1.0)
    hands.play(0.02, controller(74, 127))
    hands.play(0.02, controller(74, 0))
    assert hands.plugins.value("part 1", 0, "Threshold") == 0.0


CHORD = (45, 60, 67, 76)


def level_rig(folder: Path, ensemble: str) -> str:
    """A rig of an ensemble with every part at the same level and place."""
    even = "gain_db = 0\npan = 0\nreverb_send = 0\nchorus_send = 0\n"
    parts = (f'[parts."{part.name}"]\n{even}' for part in load_ensemble(ensemble).parts)
    path = folder / f"level_{ensemble}.toml"
    path.write_text(DRY.format(name=ensemble, ensemble=ensemble) + "".join(parts))
    return path.name


def held_chord(folder: Path, ensembles: tuple[str, str], switches: bool) -> np.ndarray:
    """A second of a chord that is held while a program change moves from rig to rig."""
    with by_hand(Settings(**QUIET, setlist=folder / "list.toml"), []) as session:
        session.look()  # prepares what comes next
        session.play(0.1)
        before = session.play(0.5, *(note_on(pitch, 90) for pitch in CHORD))
        assert session.engine.stats().held_notes == len(CHORD)
        change = [bytes((0xC0, 1))] if switches else []
        middle = session.play(0.02, *change)
        session.look()
        after = session.play(0.5)
        assert session.ensemble_id() == ensembles[switches]
        assert session.engine.stats().held_notes == len(CHORD)
        session.play(0.1, *(note_off(pitch) for pitch in CHORD))
        assert session.engine.stats().held_notes == 0
        return np.concatenate([before, middle, after])


@pytest.mark.parametrize(
    "ensembles", [("satb_choir", "brass_quartet"), ("organ_pedal", "pop_band")]
)
def test_held_notes_ring_on_through_a_switch(ensembles: tuple[str, str], own: Path) -> None:
    """Where the levels are even, every sample of a held chord is what it is without the switch."""
    setlist(own, *(level_rig(own, ensemble) for ensemble in ensembles))
    stays = held_chord(own, ensembles, switches=False)
    moves = held_chord(own, ensembles, switches=True)
    assert np.abs(stays).max() > 0.01
    np.testing.assert_array_equal(moves, stays)


def test_held_notes_ring_on_through_rigs_of_other_levels(own: Path) -> None:
    """Between real rigs a held chord has no gap and no click: levels move along ramps."""
    setlist(own, "chamber_quartet", "brass_fanfare")
    ensembles = ("string_quartet", "brass_quartet")
    stays = held_chord(own, ensembles, switches=False)
    moves = held_chord(own, ensembles, switches=True)
    loud = np.abs(moves[len(moves) // 2 :]).max(axis=1)
    windows = loud[: len(loud) // 960 * 960].reshape(-1, 960).max(axis=1)
    assert windows.min() > 0.1 * np.abs(stays).max()
    steepest = [float(np.abs(np.diff(audio, axis=0)).max()) for audio in (stays, moves)]
    assert steepest[1] < 1.5 * steepest[0]


def test_a_new_note_after_the_switch_has_the_new_sound(hands: Hands, own: Path) -> None:
    hands.repertoire.use_setlist(
        setlist(own, level_rig(own, "satb_choir"), level_rig(own, "brass_quartet"))
    )
    hands.play(0.1, note_on(60))
    hands.play(0.02, bytes((0xC0, 1)))
    hands.look()
    hands.play(0.1, note_off(60))
    hands.play(4.0)
    heard = hands.play(0.5, note_on(60))
    hands.play(4.0, note_off(60))
    hands.repertoire.play(own / "level_satb_choir.toml")
    hands.play(1.0)
    choir = hands.play(0.5, note_on(60))
    hands.play(4.0, note_off(60))
    hands.repertoire.play(own / "level_brass_quartet.toml")
    hands.play(1.0)
    brass = hands.play(0.5, note_on(60))
    spectra = [np.abs(np.fft.rfft(audio[:, 0])) for audio in (heard, brass, choir)]
    assert np.corrcoef(spectra)[0, 1] > 0.95 > np.corrcoef(spectra)[0, 2]


# ---- the last state --------------------------------------------------------------------------


def resumed(said: list[str]) -> Hands:
    return Hands(Settings(**QUIET, resume=True, remember=True), said.append, device=HandDevice())


def test_nothing_is_lost_when_the_program_ends(said: list[str]) -> None:
    last_state_file().unlink(missing_ok=True)
    with pytest.raises(PresetError, match="there is nothing to resume"):
        resumed(said)
    settings = Settings(**QUIET, setlist="concert", remember=True)
    with Hands(settings, said.append, device=HandDevice()) as session:
        session.repertoire.go(2)
        end_s = time.monotonic() + 5.0
        while session.repertoire.rig_id != "brass_fanfare" and time.monotonic() < end_s:
            session.play(0.01)
        session.set("gain_db", -11.0, 1)
        session.learn.bind(Binding("/ripieno/tempo", number=5))
        session.engine.render(2048)
    with resumed(said) as session:
        assert session.ensemble_id() == "brass_quartet"
        assert session.get("gain_db", 1) == -11.0
        assert session.learn.bindings == (Binding("/ripieno/tempo", number=5),)
        assert session.repertoire.rig_id == "brass_fanfare"
        assert session.state()["rig"]["setlist"]["place"] == 3
        session.engine.render(2048)


def test_what_settled_is_on_disk_at_once(said: list[str]) -> None:
    """As after kill -9: nothing is closed."""
    settings = Settings(**QUIET, rig="faders", remember=True)
    with Hands(settings, said.append, device=HandDevice()) as session:
        session.set("master_gain_db", -4.5)
        end_s = time.monotonic() + 10.0
        text = ""
        while "master_gain_db = -4.5" not in text and time.monotonic() < end_s:
            time.sleep(0.05)
            text = last_state_file().read_text(encoding="utf-8")
        assert "master_gain_db = -4.5" in text
        session.engine.render(2048)


def test_a_start_alone_loses_nothing_that_was_left(said: list[str]) -> None:
    last_state_file().parent.mkdir(parents=True, exist_ok=True)
    left = 'format = 1\n[rig]\nname = "As it was"\n'
    last_state_file().write_text(left)
    with by_hand(Settings(**QUIET, remember=True), said) as session:
        assert last_state_file().read_text() == left
        session.repertoire.play("faders")
        assert last_state_file().read_text() != left
        assert last_state_file().with_name("state_before.toml").read_text() == left
        session.engine.render(2048)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("format = 1\n[rig]\ncolour = 1\n", "unknown key 'colour'"),
        ('format = 7\n[rig]\nname = "x"\n', "is of format 7, made by a newer"),
    ],
)
def test_a_last_state_that_cannot_be_read_is_one_sentence(
    text: str, says: str, said: list[str]
) -> None:
    last_state_file().parent.mkdir(parents=True, exist_ok=True)
    last_state_file().write_text(text)
    with pytest.raises(PresetError, match=says):
        resumed(said)
    last_state_file().unlink()
