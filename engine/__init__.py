"""The real-time performance engine: everything between a key and a sound."""
