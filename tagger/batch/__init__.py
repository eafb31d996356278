"""Many films into one folder: found, planned, decoded in processes of their own, tagged by one model, remembered.

ignore    what a person says is not to be tagged
find      films below folders, by what their files hold
discs     which files of a copied disc are the film
kinds     what is no film of its own by its name; files that are one film together
ledger    what was done, a line for each thing that happened
guard     reports that people changed, or that are another film's
twins     films that were renamed, and files that hold the same
plan      the films that were found against the ledger -> tasks
parts     the files of one film -> one scan
worker    the process that decodes
crew      the parent's side of these processes
shelf     reports that go to another name
complete  formats that films lack, from their JSON
prune     what is left of films that are gone
outlook   what a run found and will do, for people
watch     films as they arrive: when to look again, and which have come to rest
listener  who is told how a batch goes
run       pictures of all films -> full batches -> reports, ledger
summary   the batch as a table
index     the batch as a page, with links to those of its films
sidecars  which files media centres keep beside a film
renew     tags in these
retag     another vocabulary for films that were tagged: folder of reports -> folder of reports
export    reports in other formats
"""
