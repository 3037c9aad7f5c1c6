"""Samplers: each takes a `Request` and options of its own and returns what was `Drawn`.

    base                       the model itself, at temperature 1
    low_temperature            each token from p^alpha, normalised token by token
    best_of_n, majority_vote   one of n responses of the model
    power_smc                  p^alpha by weighted particles
    power_mh                   p^alpha by Markov chains
    power_rollout              p^alpha block by block, approximately

`methods.sampler` finds one by the name that `llm.sample --method` takes, `enumeration` is the exact table that they are
measured against, and `vllm` is an engine for the model itself. docs/samplers.md says which to take, with measurements.
"""
