"""Stage 0: a file -> frames, or packets. The only package that decodes.

clock        time stamps -> seconds that always grow
sequence     numbered pictures that are a film
container    the only file that opens a video: its stream of pictures, its packets
observer     what one pass over a film shows
structure    whether a file ends where it says that it does
ending       whether a film was seen whole
gops         packets -> groups of pictures, without decoding
timecode     what a file says of the timecode of its first frame
film         what is known of a film, and its frames, once, forward
"""
