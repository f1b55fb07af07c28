"""History: one metric of one cell over many stored runs, what changed between them, and where its level moved."""
