"""Numbers read from run folders: everything that figures and page show is computed here, or in theory.

runs and forecasts read the folders; ends, equal_kl, course, pass_at_k and sweep measure; predictions, questions and
arrival compare; answers and verdict say it in sentences, with the numbers as words makes them.
"""
