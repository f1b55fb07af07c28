"""Compare: two stored runs in, what changed and a verdict on it out. Knows no torch and makes no picture anew."""
