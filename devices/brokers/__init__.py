"""Brokers that this project can start itself, as child processes on loopback: for the demo, for one ward, for the tests."""
