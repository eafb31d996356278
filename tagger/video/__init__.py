"""Stage 0: a file -> frames, or packets. The only package that decodes.

clock        time stamps -> seconds that always grow
light        high dynamic range and wide gamuts -> what an ordinary screen shows
pictures     a decoded picture -> upright RGB: colours, orientation, fields
streams      which stream of a file is the film
container    the only file that opens a video: its stream of pictures, its packets
gops         packets -> groups of pictures, without decoding
film         what is known of a film, and its frames, once, forward
"""
