"""How good answers are where the truth is known.

metrics    average precision, AUC, Kendall's tau-b, ... of arrays; means of figures
intervals  figures with what resamples say of them
figures    what predictions are worth, with intervals
plots      what all charts share
walk       folders of tags, and the files below them
images     a model's tags, on pictures that people sorted
shots      shot boundaries, against a file that says where they are
ratings    tags, by what people say of them
"""
