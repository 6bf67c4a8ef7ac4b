"""MIDI learn on the real engine: what is moved is learned, moves its address and nothing else."""

import numpy as np
import pytest

from engine import learn as learn_module
from engine import operations
from engine.bindings import Binding, BindingError
from engine.core import Engine
from engine.learn import Learn
from engine.rt import layout
from engine.rt.layout import FILE_SOURCE
from tests.engine.rig_helpers import (
    Saved,
    bend,
    controller,
    new_engine,
    note_on,
    note_ons,
    of_kind,
    send,
)

GAIN, PAN, MUTE = "/ripieno/part/1/gain", "/ripieno/part/1/pan", "/ripieno/part/2/mute"
SENDING = "/ripieno/part/1/reverb"
FADER, PEDAL = 21, 80


class Player:
    """A session's door, a keyboard, and what was said."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.said: list[str] = []
        self.pressed: list[str] = []
        self.told = 0
        self.learn = Learn(engine, self._set, self._value, self.said.append, self._changed)
        self.results = np.zeros(0, layout.RESULT)

    def part_count(self) -> int:
        return 4

    def set(self, name: str, value: float, part: int | None = None) -> None:
        self.engine.set(name, value, part)

    def get(self, name: str, part: int | None = None) -> float:
        return self.engine.get(name, part)

    def panic(self) -> None:
        self.pressed.append("panic")

    def _set(self, path: str, *values) -> None:
        operations.set_value(self, path, *values)

    def _value(self, path: str):
        return operations.value_of(self, path)

    def _changed(self) -> None:
        self.told += 1

    def play(self, *messages: bytes, source: int = 0) -> list:
        """Move controls, one after the other; the program changes nobody learned."""
        send(self.engine, [(8 * i, m, source) for i, m in enumerate(messages)])
        self.engine.render(8 * len(messages) + 64)
        self.results = self.engine.results()
        return self.learn.feed(self.results)

    def fade(self, *values: int, number: int = FADER) -> float:
        """Move a fader through these values; where the first part's level is then."""
        self.play(*(controller(number, value) for value in values))
        return self.engine.get("gain_db", 0)

    def learned(self, address: str, *messages: bytes, source: str = "controls") -> Binding:
        self.learn.learn(address, source)
        self.play(*messages)
        return self.learn.bindings[-1]


@pytest.fixture(scope="module")
def ready():
    engine = new_engine()
    yield engine, Saved(engine)
    engine.close()


@pytest.fixture
def player(ready) -> Player:
    return Player(ready[1].restore())


def told(player: Player) -> list[tuple[int, int]]:
    """(status, controller) of what reached the parts."""
    records = of_kind(player.results, layout.CONTROLLER)
    return [(int(r["a"]), int(r["b"])) for r in records]


def test_the_next_control_that_is_moved_has_the_address(player: Player) -> None:
    binding = player.learned(GAIN, controller(FADER, 64, 3))
    assert binding == Binding(GAIN, "controller", 4, FADER)
    assert player.said == [f"Learned: controller {FADER} of channel 4 moves {GAIN}."]
    assert player.learn.state()["waiting"] == ""
    player.play(controller(40, 3))  # no longer waiting
    assert len(player.learn.bindings) == 1


@pytest.mark.parametrize("number", [0, 32, 64, 120, 121, 123, 127])
def test_some_are_never_learned_and_it_says_why(player: Player, number: int) -> None:
    player.learn.learn(GAIN)
    player.play(controller(number, 1), controller(number, 2))
    assert player.learn.bindings == ()
    assert len(player.said) == 1
    assert player.said[0].startswith(f"Controller {number} is never learned: ")
    player.play(controller(FADER, 1))  # it still waits
    assert len(player.learn.bindings) == 1


def test_the_panic_controller_is_not_learned(player: Player) -> None:
    player.learn.learn(GAIN)
    player.play(controller(119, 0))
    assert player.learn.bindings == ()
    assert player.said == ["Controller 119 is the panic button; move another."]


def test_a_fader_takes_hold_where_it_meets_the_value(player: Player) -> None:
    player.learned(GAIN, controller(FADER, 0))
    assert player.fade(10, 40, 80) == 0.0  # 0 dB lies at 105.8 of 127
    assert not player.learn.state()["bindings"][0]["caught"]
    assert player.fade(105) == pytest.approx(-60 + 72 * 105 / 127)
    assert player.learn.state()["bindings"][0]["caught"]
    assert player.fade(20) == pytest.approx(-60 + 72 * 20 / 127)
    player.engine.set("gain_db", 0.0, 0)  # somebody else moves it: the fader has lost it
    assert player.fade(30, 60) == 0.0
    assert player.fade(120) == pytest.approx(-60 + 72 * 120 / 127)  # it passed the value


def test_a_fader_takes_hold_from_above_too(player: Player) -> None:
    player.learned(GAIN, controller(FADER, 127))
    assert player.fade(120) == 0.0
    assert player.fade(100) == pytest.approx(-60 + 72 * 100 / 127)


def test_jump_takes_the_value_at_once(player: Player) -> None:
    player.learned(GAIN, controller(FADER, 0))
    player.learn.change(GAIN, mode="jump", low=-20.0, high=6.0)
    assert player.fade(0) == -20.0
    assert player.fade(127) == 6.0


def test_an_endless_knob_moves_from_where_the_value_is(player: Player) -> None:
    player.learn.bind(Binding(GAIN, number=FADER, mode="relative"))
    assert player.fade(1, 1, 1) == pytest.approx(3 * 72 / 127)
    assert player.fade(127) == pytest.approx(2 * 72 / 127)
    player.engine.set("gain_db", -30.0, 0)
    assert player.fade(1) == pytest.approx(-30 + 72 / 127)
    assert player.fade(*[63] * 10) == 12.0
    assert player.fade(127) == pytest.approx(12 - 72 / 127)


def test_an_endless_knob_reaches_every_word_of_a_choice(player: Player) -> None:
    player.learn.bind(Binding("/ripieno/assigner", number=FADER, mode="relative"))
    player.engine.set("assigner", 0)
    seen = set()
    for _ in range(9):
        player.fade(1)
        seen.add(player.engine.get("assigner"))
    assert seen == {0.0, 1.0, 2.0}


def test_wheel_and_pressure_are_learned_when_they_are_meant(player: Player) -> None:
    player.learn.learn(PAN)
    player.play(bend(8300), bytes((0xD0, 5)))
    assert player.learn.bindings == ()
    player.play(bend(16383))
    assert player.learn.bindings == (Binding(PAN, "bend", 1, mode="jump"),)
    player.play(bend(0))
    assert player.engine.get("pan", 0) == -1.0
    assert player.learned(SENDING, bytes((0xD0, 90))).by == "pressure"
    player.play(bytes((0xD0, 127)))
    assert player.engine.get("reverb_send", 0) == 1.0


def test_a_pedal_is_a_button_when_it_goes_down(player: Player) -> None:
    player.learned("/ripieno/panic", controller(PEDAL, 127))
    assert player.pressed == []  # the movement that was learned is not obeyed
    player.play(controller(PEDAL, 0), controller(PEDAL, 60), controller(PEDAL, 80))
    assert player.pressed == ["panic"]
    player.play(controller(PEDAL, 100), controller(PEDAL, 0))
    assert player.pressed == ["panic"]
    player.play(controller(PEDAL, 127), controller(PEDAL, 127))  # a button that sends no release
    assert player.pressed == ["panic"] * 3


def test_a_pad_is_a_button_and_turns_switches_over(player: Player) -> None:
    assert player.learned(MUTE, note_on(36, 90, 9), source="notes").by == "note"
    for expected in (1.0, 0.0, 1.0):
        player.play(note_on(36, 90, 9))
        assert player.engine.get("mute", 1) == expected
        assert note_ons(player.results).size == 0  # it is no music any more
    player.play(note_on(36, 90, 0))  # the same key on another channel is
    assert note_ons(player.results).size == 1


def test_keys_are_learned_only_when_keys_are_wanted(player: Player) -> None:
    player.learn.learn(MUTE)
    player.play(note_on(60))
    assert player.learn.bindings == ()
    player.learn.learn(MUTE, "notes")
    player.play(controller(FADER, 3))
    assert player.learn.bindings == ()
    with pytest.raises(BindingError, match="a key cannot move it"):
        player.learn.learn(GAIN, "notes")


def test_program_changes_are_buttons_and_others_are_handed_on(player: Player) -> None:
    player.learned("/ripieno/panic", bytes((0xC0, 5)))
    rest = player.play(bytes((0xC0, 4)), bytes((0xC0, 5)), bytes((0xC1, 5)))
    assert player.pressed == ["panic"]
    assert [(moved.number, moved.channel) for moved in rest] == [(4, 1), (5, 2)]


def test_a_file_that_plays_moves_nothing(player: Player) -> None:
    player.learned(GAIN, controller(FADER, 0))
    player.learn.change(GAIN, mode="jump")
    assert player.play(controller(FADER, 127), bytes((0xC0, 5)), source=FILE_SOURCE) == []
    assert player.engine.get("gain_db", 0) == 0.0


def test_a_learned_control_reaches_no_part_unless_it_is_let_through(player: Player) -> None:
    player.play(note_on(60), controller(1, 90))
    assert told(player) == [(0xB0, 1)]
    player.learned(GAIN, controller(1, 0))
    player.play(controller(1, 91))
    assert told(player) == []
    player.learn.change(GAIN, through=True)
    player.play(controller(1, 92))
    assert told(player) == [(0xB0, 1)]
    player.learn.change(GAIN, through=False)
    player.learn.forget(GAIN)
    player.play(controller(1, 93))
    assert told(player) == [(0xB0, 1)]


def test_one_control_moves_several_addresses_and_one_address_has_several(player: Player) -> None:
    for address in (GAIN, PAN):
        player.learned(address, controller(FADER, 0))
        player.learn.change(address, mode="jump")
    player.play(controller(FADER, 127))
    assert (player.engine.get("gain_db", 0), player.engine.get("pan", 0)) == (12.0, 1.0)
    player.learned(GAIN, controller(FADER + 1, 0))
    assert len(player.learn.bindings) == 3
    player.learned(GAIN, controller(FADER + 1, 9))  # the same again: still one
    assert len(player.learn.bindings) == 3
    player.learn.forget(GAIN)
    assert [binding.address for binding in player.learn.bindings] == [PAN]


def test_waiting_ends_by_itself_or_by_hand(player: Player, monkeypatch) -> None:
    player.learn.learn(GAIN)
    assert player.learn.state()["waiting"] == GAIN
    player.learn.cancel()
    player.play(controller(FADER, 3))
    assert player.learn.bindings == ()
    player.learn.learn(GAIN)
    late_s = learn_module.time.monotonic() + learn_module.PATIENCE_S + 1
    monkeypatch.setattr(learn_module.time, "monotonic", lambda: late_s)
    player.learn.tend()
    assert player.learn.state()["waiting"] == ""
    assert "nothing is learned" in player.said[-1]


def test_what_cannot_be_set_is_said_once(player: Player) -> None:
    player.learn.bind(Binding("/ripieno/part/9/gain", number=FADER, mode="jump"))
    player.play(*(controller(FADER, value) for value in range(20)))
    assert player.said == [
        f"controller {FADER} of channel 1: /ripieno/part/9/gain: part 9 is outside 1 .. 4 of this "
        "ensemble."
    ]


def test_a_rig_brings_its_own_and_keeps_hold_of_what_stays(player: Player) -> None:
    player.learned(GAIN, controller(FADER, 0))
    player.fade(106, 100)
    (first,) = player.learn.bindings
    other = Binding(PAN, number=30)
    player.learn.replace([first, other])
    assert player.fade(50) == pytest.approx(-60 + 72 * 50 / 127)  # still in hand
    player.learn.replace([])
    player.play(note_on(60), controller(FADER, 9), controller(30, 9))
    assert told(player) == [(0xB0, FADER), (0xB0, 30)]
    with pytest.raises(BindingError, match="there may be 256"):
        player.learn.replace([Binding(GAIN, number=1)] * 257)


def test_nothing_is_known_of_what_was_never_learned(player: Player) -> None:
    for act in (player.learn.forget, lambda address: player.learn.change(address, curve=2.0)):
        with pytest.raises(BindingError, match="nothing has been learned for"):
            act(GAIN)
