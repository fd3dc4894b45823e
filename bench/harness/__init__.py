"""What the benchmarks share: real servers, a load generator, figures and result files."""
