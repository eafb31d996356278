"""What people say of the tags, beside what they said in the source paper.

table     a table of ratings, read and checked
figures   the three experiments of the source, with intervals
written   the figures as text, files and a picture; a sheet to be filled in
"""
