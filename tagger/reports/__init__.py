"""Stage 6: a finished report, segments or an advisory of one -> text for people or programs.

json_report      the report itself, schema movietags/1: written and read
film_file        where the film of a report is now
corrections      what a person put right
manner           how a file is wanted
csv_report       a row per tag
csv_shots        a row per shot
parquet_report   both, typed
otio_film        what OpenTimelineIO says of a film
otio_report      shots as a timeline
table            the first tags, on the terminal
vtt              segments as WebVTT chapters
shots_table      shots, on the terminal
pages            templates, styles and scripts of pages
page             pages that stand for themselves
html_report      tags, when they are, keyframes: a page to look at
ffmetadata       segments as chapters of FFmpeg
otio_segments    segments as a timeline
clips            segments cut out of their film, and a picture of each
exact_ends       segments with ends where the film has them
html_index       a page of many films
edl              segments as an edit decision list
kodi_edl         segments as what Kodi leaves out or mutes
csv_segments     a row per segment
json_segments    segments, with the rule that made them
segments_table   segments, on the terminal
csv_advisory     a row per note of an advisory
json_advisory    an advisory, with the rules' numbers
advisory_table   an advisory, on the terminal
nfo_parts        the parts of a sidecar of media centres
nfo              tags in it, put in and taken out
formats          the table of what there is to write, and by which name and ending
keyframes        small keyframes of a film in one file
kept             features and keyframes beside their report
written          how reports were written, so that one which a person changed since is known
folder           reports as files of a folder: under names that no two films share, and as one pandas table
parquet          features of all films of a folder in one file
"""
