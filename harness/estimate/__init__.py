"""What a cell will take before anything is loaded: parameters, work and bytes, from configurations alone."""
