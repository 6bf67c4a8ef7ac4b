"""Recordings to notes: phrases summed from single notes, a small network, what it is worth."""
