"""Stage 0: a file -> frames, or packets. The only package that decodes.

clock        time stamps -> seconds that always grow
container    the only file that opens a video: its stream of pictures, its packets
observer     what one pass over a film shows
structure    whether a file ends where it says that it does
ending       whether a film was seen whole
gops         packets -> groups of pictures, without decoding
film         what is known of a film, and its frames, once, forward
"""
