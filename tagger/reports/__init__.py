"""Stage 6: a finished report, or segments of one -> text for people or programs.

json_report      the report itself, schema movietags/1: written and read
csv_report       a row per tag
table            the first tags, on the terminal
vtt              segments as WebVTT chapters
edl              segments as an edit decision list
segment_tables   segments as a table, as CSV and as JSON
folder           reports as files of a folder, under names that no two films share
"""
