"""Pictures of wristbands, packs, labels and cards as a camera sees them, in five levels from easy to hopeless, with the truth.

`levels` the five levels, `prints` what is printed, `scene` how it is held, `surface` where each point of it is seen, `ground` what is
behind, `shot` the picture, `negative` pictures without a code, `oracle` what is left in a picture for a reader that knows where to
look, `command` the files. Everything is drawn from a seed. Must never arrange a picture for a reader, nor use one to make it.
"""
