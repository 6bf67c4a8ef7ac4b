"""The pad of a part with a morph sound: its puck says how much of each anchor. [audio]"""

from engine.rt.native import rt


@rt
def advance_pad(rig, part):
    """Set the weights of a part's morph sound for the quantum that begins. [audio]

    They are `rig.morphs[rig.morph_parts[part].sound].weights`, which add up to 1, and `mode`. Until
    something moves them they stay as the sound came.
    """
