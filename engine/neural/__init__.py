"""The neural synth: morph sounds by the paper's own decoder, in the process of a plugin chain.

`instrument` is what the host loads as `neural:NAME`, `voices` makes the sound, `puck` says where on
the pad it is, `sounds` is the command line's side.
"""
