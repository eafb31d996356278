"""One writer per format: a finished report in, text for people or programs out."""
