"""The regression report: a run held against a baseline, as `harness compare` judges it, for people to read."""
