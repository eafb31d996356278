"""How far the tags of two films agree, such as those of a trailer with those of its film.

agreement   two reports -> what they share
pairs       a table of pairs -> what each shares, and means
tables      tables of it, on the terminal and as CSV
charts      charts of it
folder      all files of a comparison
"""
