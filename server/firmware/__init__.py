"""Firmware releases: keys, the signed repository, and what is carried to the people who sign.

Two signatures guard a cart's microcontroller: the image's own, which its bootloader checks, and the repository's, which says what
is released. No private key that could release anything lies on the server: it holds those of timestamp and snapshot alone.
"""
