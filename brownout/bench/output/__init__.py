"""What the benchmarks leave behind: result files, pages, pictures."""
