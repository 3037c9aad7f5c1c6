"""Is an answer correct? The text of a model is data here: it is read in a process apart and never evaluated."""
