"""Sound to MIDI: recordings to files, an audio input to a MIDI source."""
