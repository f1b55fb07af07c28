"""The comparison of schedulers: which one, at how many steps, for which speed and quality."""
