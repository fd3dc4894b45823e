"""SQL of the catalogue: all of it, and nothing else."""
