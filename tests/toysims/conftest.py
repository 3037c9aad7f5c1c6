"""Simulations are in double precision, as their commands are."""

import jax

jax.config.update("jax_enable_x64", True)
