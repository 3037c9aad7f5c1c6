"""Policies that are small enough to be known exactly, and are learned all the same.

`categorical` (k responses), `prompts` (many prompts at once), `trees` (tokens with EOS), `chains` (Markov policies
under a length limit).
"""
