"""What a response is worth, in [0, 1]: the kinds of --reward, the same in sample, train and compare.

>>> from llm.rewards.registry import reward_of
>>> reward_of("final-number").answer("so 3 + 4 = 7.")
'7'
"""
