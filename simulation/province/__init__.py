"""A small province on one machine: a cluster of brokers, two databases of which one leads, two of each program for each hospital.

Everything listens on loopback, lies in one folder and ends with the run. Nobody in it is real.
"""
