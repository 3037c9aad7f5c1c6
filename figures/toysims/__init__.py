"""Drawings of the toy simulations: each takes the table that its simulation wrote; redraw does so from a folder."""
