"""Monitors that tell vital signs over a wire, each one file."""
