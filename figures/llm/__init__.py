"""Drawings of language-model runs: each takes numbers of figures.study, and computes none."""
