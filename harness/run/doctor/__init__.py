"""`harness doctor`: what this machine has, which rows of the catalogs that opens, and the line that opens the others.

It needs as little as it can: what stands on torch is asked of a process of its own, and whatever fails is a finding.
"""
