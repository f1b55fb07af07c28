"""Two Python environments on one machine, the same spec: their pictures, and their times side by side."""
