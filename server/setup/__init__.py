"""`pointofcare-server setup`: a hospital's settings, asked for once, tried out with real connections, and put down whole or not at all.

It may be run again at any time: nothing that stands is lost, no password is set anew, and what is right already is left as it is.
"""
