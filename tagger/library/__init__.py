"""Reports of a whole collection in one DuckDB file: which films, which shots, and what is like them.

schema     the tables of a library, their versions, and the views that are open to everybody
store      where a library is; opening it, and waiting for who holds it
places     where films are, and which are gone
reading    a report -> rows
writing    rows -> library: each film once, whatever it is called and wherever it went
adding     many reports into a library, read in processes of their own
films      which film a person means; films that are forgotten
search     tags -> films, or shots
similar    a film -> those like it
overview   what is in a library: counts, and a table of its films
answers    what was found, as table, CSV and JSON
exporting  the table of films as a file
"""
