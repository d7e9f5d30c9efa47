# The camera: what is wrong with it, and what helps whoever holds a code. Short enough for one glance.
camera-read = Code read.
camera-fault-no-picture = Camera lost
camera-fault-frozen = Picture frozen
camera-told-frozen = The camera keeps sending one old picture. Unplug it and plug it in again. A code in the old picture does not count as a new scan; you can type instead.
camera-fault-black = Picture black
camera-told-black = Is the lens covered? Take the cover off, or switch the light on.
camera-fault-wrong-size = Wrong picture size
camera-told-wrong-size = The picture has not the size that was set. Codes are still read when held closer; tell whoever looks after the carts.
camera-fault-slow = Camera slow
camera-told-slow = Too few pictures a second. Hold the code still for longer; if it stays slow, tell whoever looks after the carts.
advice-show-one = Show one code only
advice-more-light = More light needed
advice-tilt = Tilt it away from the light
advice-move = Move the code to the middle
advice-closer = Hold it closer
advice-hold-still = Hold still
advice-turn = Turn the code to the camera
