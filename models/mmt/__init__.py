"""Multitrack Music Transformer: music as rows of six codes, and the step that writes the next."""
