"""MIDI outside the audio callback: byte streams, files, players and ports. No Qt, no models."""
