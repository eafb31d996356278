"""The commands of `movietags`, one file per group: parse -> Settings -> call -> echo. cli.py puts them together.

complete    names that a shell may complete
console     what all commands share: options, bars, messages, exit codes of errors
installed   what this installation consists of
show        info, vocab, models
beside      tags in the sidecars beside films
extract     films in, tables or files out
bars        what people see of a batch while it runs
rounds      a batch again and again, as films arrive
batch       every film below a folder
retag       another vocabulary for films that were tagged
export      reports in other formats
choices     what only one format of segments has
library     reports of a whole collection, to be searched
segments    where in a film a tag is
advisory    what parents ask of a film
compare     two reports beside each other
ratings     evaluate ratings
evaluate    evaluate images, evaluate shots
images      pictures to train with
train       a new vocabulary
search      study search
study       comparisons of training choices
"""
