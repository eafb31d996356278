"""Many films into one folder: found, planned, decoded in processes of their own, tagged by one model, remembered."""
