"""Optimizations of a loaded pipeline: how each is applied, and the proof that it is."""
