"""Chains of plugins as the window shows them."""

from gui.mirror import chains
from gui.mirror.chains import offers, read, value_text

TOLD = {
    "part 2": {
        "state": "running",
        "message": "",
        "instrument": False,
        "restarts": 1,
        "editor": -1,
        "plugins": [
            {"name": "Reverb", "path": "pedalboard:Reverb", "bypass": False, "parameters": 5},
            {"name": "Comp", "path": "/x/Comp.vst3", "bypass": True, "parameters": 10},
        ],
        "pid": 7,
        "lead_frames": 320,
        "lead_ms": 6.67,
        "latency_frames": 480,
        "latency_ms": 10.0,
        "misses": 2,
        "heard": True,
        "load_percent": 2.39,
    }
}


def test_every_slot_is_there_in_order_with_the_parts_names() -> None:
    slots = read(TOLD, ["Violin", "Cello"])
    assert [c.slot for c in slots] == ["part 1", "part 2", "send a", "send b", "master"]
    assert [c.title for c in slots] == ["Violin", "Cello", "Send A", "Send B", "Master"]
    assert [c.part for c in slots] == [0, 1, -1, -1, -1]


def test_a_chain_says_its_plugins_its_state_and_what_it_costs() -> None:
    empty, chain = read(TOLD, ["Violin", "Cello"])[:2]
    assert (empty.status, empty.summary, empty.figures) == ("Empty", "no plugins", "")
    assert (chain.status, chain.summary) == ("Running", "Reverb, Comp")
    assert [p.place for p in chain.plugins] == [1, 2]
    assert [p.bypass for p in chain.plugins] == [False, True]
    for figure in (
        "320 samples \u00b7 6.7 ms",
        "480 samples \u00b7 10.0 ms",
        "2.4 % CPU",
        "2\u00d7",
    ):
        assert figure in chain.figures
    assert "restarted 1\u00d7" in chain.figures


def test_addresses_of_a_chain() -> None:
    send = next(c for c in read({}, []) if c.slot == "send a")
    assert send.address() == "/ripieno/chain/send_a"
    assert send.address("1/bypass") == "/ripieno/chain/send_a/1/bypass"


def test_offers_hold_what_was_found_what_is_built_in_and_what_is_in_quarantine() -> None:
    plugin = {"name": "Zam", "manufacturer": "D. Z.", "instrument": True}
    found = offers(
        [
            {"path": "/x/Zam.vst3", "plugins": [plugin], "quarantine": ""},
            {"path": "/x/Bad.vst3", "plugins": [], "quarantine": "crashed"},
        ]
    )
    by_title = {offer.title: offer for offer in found}
    assert by_title["Reverb"].name == "pedalboard:Reverb"
    assert by_title["Zam"].tags == ("instrument",)
    assert by_title["Zam"].detail == "D. Z. \u00b7 instrument"
    assert by_title["Bad.vst3"].quarantine == "it crashed"
    assert found[-1].title == "Bad.vst3"


def test_values_are_read_in_the_parameters_own_unit() -> None:
    path = f"{chains.BUILT_IN}Clipping"
    assert value_text(path, {"name": "threshold_db"}, 0.5) == "-20 dB"
    assert value_text("/x/a.vst3", {"name": "On", "steps": 2}, 1.0) == "on"
    assert value_text("/x/a.vst3", {"name": "Mode", "steps": 3}, 0.5) == "2 of 3"
    assert value_text("/x/a.vst3", {"name": "Gain", "steps": 0}, 0.25) == "25 %"
