"""Judge: paired samples in, intervals and verdicts out. Knows numpy and scipy, and nothing of ours.

The unit is the prompt: whatever was measured several times for one prompt (seeds) is averaged first. ``power`` needs
neither numpy nor scipy: planning imports it.
"""
