"""Reasoning Gym's tasks as a data set, with its own verifiers: `spec` reads --dataset reasoning-gym:TASK,...?OPTIONS,
`rows` holds the process (`worker`) in which `tasks` makes the rows and judges answers, limited in time and memory.

>>> from llm.gym.spec import read
>>> read("reasoning-gym:chain_sum?min_terms=2&size=100").tasks
{'chain_sum': {'min_terms': 2}}
"""
