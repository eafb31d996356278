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
full            the scan of every frame
fast            the scan of key frames, and of what is needed between them
scan            which of both a film gets, and why
"""
