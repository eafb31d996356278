"""Training of a new vocabulary: folders of images -> features -> head, with its figures and card."""
