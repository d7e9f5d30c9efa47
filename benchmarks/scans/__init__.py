"""Parts of `benchmarks.scanning`: the readers, the measured sets, the hunt for misreads, and other people's photographs."""
