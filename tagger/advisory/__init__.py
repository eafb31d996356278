"""What parents ask of a film: a report -> notes on violence, smoking, horror, ..., as far as its tags can say.

A note never says that something is not in a film: what is not found may have been missed, and by how much of such
films that happens stands beside it. What the tags are too weak for is not judged, and says why.

rules   which tags speak for which note, and from where on: a TOML beside the vocabulary
notes   a report, by rules -> what can be said
"""
