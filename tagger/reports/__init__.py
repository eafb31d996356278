"""Stage 6: a finished report, or segments of one -> text for people or programs.

json_report      the report itself, schema movietags/1: written and read
csv_report       a row per tag
table            the first tags, on the terminal
vtt              segments as WebVTT chapters
edl              segments as an edit decision list
csv_segments     a row per segment
json_segments    segments, with the rule that made them
segments_table   segments, on the terminal
formats          the table of what there is to write, and by which name and ending
kept             features beside their report
written          how reports were written, so that one which a person changed since is known
folder           reports as files of a folder: under names that no two films share, and as one pandas table
parquet          features of all films of a folder in one file
"""
