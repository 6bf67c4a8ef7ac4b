"""Who is meant by the name of an instrument."""

import pytest

from engine.general_midi import INSTRUMENTS, InstrumentError, player
from models.mmt.instruments import CODE_OF_PROGRAM, code_of
from models.mmt.instruments import INSTRUMENTS as PLAYERS


@pytest.mark.parametrize(
    ("words", "name", "program"),
    [
        ("violin", "violin", 40),
        ("Violins", "violin", 40),
        ("string ensemble", "strings", 48),
        ("String Ensemble 2", "strings", 49),
        ("string-ensemble 2", "strings", 49),
        ("strings", "strings", 49),
        ("church organ", "church-organ", 19),
        ("church-organ", "church-organ", 19),
        ("french horn", "horn", 60),
        ("Muted trumpet", "trumpet", 59),
        ("48", "strings", 48),
        ("0", "piano", 0),
        ("acoustic grand", "piano", 0),
        ("choir aahs", "voices", 52),
    ],
)
def test_names_and_numbers(words: str, name: str, program: int) -> None:
    found = player(words)
    assert (found.code, found.program) == (code_of(name), program)
    assert found.name == INSTRUMENTS[program]


def test_every_general_midi_name_is_itself() -> None:
    own = {name.replace("-", " ") for name, _ in PLAYERS}
    for program, name in enumerate(INSTRUMENTS):
        if CODE_OF_PROGRAM[program] and name.lower() not in own:
            assert player(name).program == program
            assert player(name.upper()).code == CODE_OF_PROGRAM[program]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("kazoo", "'kazoo' is not known; legal are General MIDI's names, its programs 0 to 127"),
        ("", "'' is not known"),
        ("-3", "instrument -3: a General MIDI program must be 0 to 127"),
        ("128", "instrument 128: a General MIDI program must be 0 to 127"),
        ("guitar", "could be Nylon-string guitar, Steel-string guitar"),
        ("seashore", r"'seashore' \(Seashore\) is an effect"),
        ("127", "is an effect"),
    ],
)
def test_what_is_unclear_is_one_sentence(words: str, says: str) -> None:
    with pytest.raises(InstrumentError, match=says) as error:
        player(words)
    assert "\n" not in str(error.value)
