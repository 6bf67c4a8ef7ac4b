"""Another part-separation network from one frame on, while the stream plays. [audio]

A network's arrays and those whose size depends on it are behind a table of their own, which shares
all else with the rig's. The callback is handed that table's address: a chord that waits is decided
by the old network, then the new one begins, its LSTM from nothing, its memory of keys where the old
one's was. From the next call on nothing reads the old arrays; `state.network_left` says so.
"""

from engine.rt.chords import close_chord
from engine.rt.native import rt
from engine.rt.rig import rig_at


@rt
def take_network(rig, address, serial, classes):
    """Go on with the rig whose table lies at `address`; 0 classes: by rules alone. [audio]"""
    state = rig.state[0]
    if state.chord_notes > 0:
        close_chord(rig)
    new = rig_at(address)
    new.memory[0] = rig.memory[0]
    for key in range(128):
        new.memory[0].key_class[key] = -1
    state.last_label = 0
    state.classes = classes
    state.table = address
    state.network_serial = serial
    state.table_due = 1


@rt
def present(rig):
    """Return the rig with the network that plays now. [audio]"""
    table = rig.state[0].table
    if table == 0:
        return rig
    return rig_at(table)
