"""Stage 0: a file -> frames, or packets. The only package that decodes.

clock        time stamps -> seconds that always grow
light        high dynamic range and wide gamuts -> what an ordinary screen shows
pictures     a decoded picture -> upright RGB: colours, orientation, fields
streams      which stream of a file is the film
sequence     numbered pictures that are a film
container    the only file that opens a video: its stream of pictures, its packets
observer     what one pass over a film shows
structure    whether a file ends where it says that it does
ending       whether a film was seen whole
gops         packets -> groups of pictures, without decoding
timecode     what a file says of the timecode of its first frame
declared     what a file says of its film
film         what is known of a film, and its frames, once, forward
cut          stretches of a film as files of their own
stills       single pictures of a film, by time
"""
