"""The same requests in a small hospital and in a province: `python -m benchmarks.scale`. Must never be part of `make bench`: too long."""
