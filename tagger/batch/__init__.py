"""Many films into one folder: found, planned, decoded in processes of their own, tagged by one model, remembered.

find      films below folders, by what their files hold
ledger    what was done, a line for each thing that happened
plan      the films that were found against the ledger -> tasks
worker    the process that decodes
crew      the parent's side of these processes
run       pictures of all films -> full batches -> reports, ledger
summary   the batch as a table
"""
