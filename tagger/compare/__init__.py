"""How far the tags of two films agree, such as those of a trailer with those of its film.

agreement   two reports -> what they share
written     tables, files and charts of it
"""
