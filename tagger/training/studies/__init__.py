"""Comparisons of training choices on one's own pictures.

comparison   what all studies need: a paired test, means in tables and charts, files
backbones    which backbone suits
joint        several data sets as one
cross        what a head is worth on pictures from elsewhere
init         what a head should begin with
spread       which recipes a search tries
searched     what a search is asked for and finds
search       which numbers suit
"""
