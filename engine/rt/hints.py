"""What the player says about the parts: who plays, who plays where, which keys are whose. [audio]

Of a note struck at a keyboard the first of these that there is decides, whatever the part's range:
the part held alone (SOLO_HOLD), the part a keyswitch chose, the part its channel is pinned to, the
part its key is locked to. Otherwise network or rules choose among the parts that play. A part that
does not play (PART_PLAYING 0) gets nothing of the player's at all; if none does there is no note.
All of it holds for the next note; notes that sound stay where they are.

A part's home is a prior on the network's choice: the log-probability of each of its classes gets
HOME_NATS * exp(-(pitch - home)^2 / (2 HOME_SEMITONES^2)), then all are made to sum to one again.
Near its home a part is likelier, far from it nothing changes.
"""

import numpy as np

from engine.rt.layout import HOLD, MAX_PARTS
from engine.rt.native import rt

HOME_NATS = 2.0
HOME_SEMITONES = 5.0


@rt
def plays(rig, index):
    """Return whether a part may be given notes of the player's. [audio]"""
    return rig.parts[index].active != 0 and rig.parts[index].out == 0


@rt
def is_out(rig, k):
    """Return whether a class has no part, or one that has been taken out. [audio]"""
    index = rig.class_part[k]
    return index < 0 or rig.parts[index].out != 0


@rt
def playing_classes(rig):
    """Return how many classes belong to a part that has not been taken out. [audio]"""
    count = 0
    for k in range(rig.class_part.size):
        count += not is_out(rig, k)
    return count


@rt
def absent_classes(rig):
    """Return the classes that do not play, bit k for class k: the network is told. [audio]"""
    absent = np.int64(0)
    for k in range(rig.class_part.size):
        if is_out(rig, k):
            absent |= np.int64(1) << k
    return absent


@rt
def part_by_hand(rig, channel, pitch):
    """Return the part the player wants a note to go to, -1 to let it be chosen. [audio]"""
    alone = rig.state[0].solo_hold - 1
    if 0 <= alone < MAX_PARTS and plays(rig, alone):
        return alone
    chosen, pinned, locked = np.int64(-1), np.int64(-1), np.int64(-1)
    latest = np.int64(0)
    for index in range(MAX_PARTS):
        part = rig.parts[index]
        if not plays(rig, index):
            continue
        if part.switch_turn > latest:
            latest = part.switch_turn
            chosen = index
        if pinned < 0 and part.pin_channel == channel + 1:
            pinned = index
        if locked < 0 and 0 < part.lock_low <= pitch + 1 <= part.lock_high:
            locked = index
    if chosen >= 0:
        return chosen
    return pinned if pinned >= 0 else locked


@rt
def lean_home(rig, pitch, logp):
    """Make the classes of parts that are at home near a key likelier; see the module. [audio]"""
    leaned = False
    for k in range(logp.size):
        index = rig.class_part[k]
        home = rig.parts[index].home - 1 if index >= 0 else -1
        if home >= 0:
            away = (pitch - home) / HOME_SEMITONES
            logp[k] += np.float32(HOME_NATS * np.exp(-0.5 * away * away))
            leaned = True
    if leaned:
        total = 0.0
        for k in range(logp.size):
            total += np.exp(np.float64(logp[k]))
        for k in range(logp.size):
            logp[k] -= np.float32(np.log(total))


# Keyswitches


@rt
def strike_switch(rig, source, channel, pitch):
    """Return whether a key is a keyswitch; if so it chooses its part, and is not to sound. [audio]

    Of parts with the same key the first has it.
    """
    state = rig.state[0]
    for index in range(MAX_PARTS):
        part = rig.parts[index]
        if part.active == 0 or part.keyswitch != pitch + 1:
            continue
        again = part.switch_turn != 0
        if state.keyswitch_mode == HOLD:
            part.switch_key = _key(source, channel, pitch)
        else:
            forget_switches(rig)
        state.switch_turns += 1
        if state.keyswitch_mode == HOLD or not again:
            part.switch_turn = state.switch_turns
        return True
    return False


@rt
def release_switch(rig, source, channel, pitch):
    """A key comes up: the keyswitch it held lets go. [audio]"""
    for index in range(MAX_PARTS):
        if rig.parts[index].switch_key == _key(source, channel, pitch):
            forget_switch(rig, index)


@rt
def release_switches(rig, source):
    """Every key of a keyboard comes up. [audio]"""
    for index in range(MAX_PARTS):
        key = rig.parts[index].switch_key
        if key != 0 and (key - 1) >> 16 == source:
            forget_switch(rig, index)


@rt
def forget_switches(rig):
    """No part is chosen by a keyswitch any more. [audio]"""
    for index in range(MAX_PARTS):
        forget_switch(rig, index)


@rt
def forget_switch(rig, index):
    """A part is not chosen by its keyswitch any more. [audio]"""
    rig.parts[index].switch_turn = 0
    rig.parts[index].switch_key = 0


@rt
def _key(source, channel, pitch):
    return 1 + (source << 16 | channel << 8 | pitch)
