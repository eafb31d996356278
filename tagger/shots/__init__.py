"""Stages 1 and 2: frames -> shots -> the middle frame of each, in a full scan or a fast one.

Of the other packages it needs `video` alone, so that all of it can run in a child process.

parts           what changes in parts of a picture
thumbnails      frames -> small pictures, and how much these differ
keyframes       frames and boundaries -> the middle frame of each shot; the entropy filter
networks        small networks over the differences of thumbnails
picker          what they say -> boundaries
learned         our detector
pyscenedetect   the detectors of PySceneDetect
detector        the detector that was asked for; boundaries -> shots
decoders        threads that decode groups of pictures
packets         what sizes of packets say
runs            stretches of a group -> boundaries
needed          the frames that others need, and those at which something may happen
full            the scans in one pass: of every frame, or of those that are needed
exact           boundaries that few frames showed, looked at again
inside          boundaries inside a group of pictures, by the key frames around it
fast            the scan of key frames, and of what is needed between them
evidence        which scan a film gets, and why
scan            the one loop that reads a film
"""
