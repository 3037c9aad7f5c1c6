"""Learners that know the reference policy, the reward and their own policy, and not where theory says that they end.

`natural_gradient` (exact flow and mirror steps), `policy_gradient` (gradient ascent on softmax logits), `rloo` (from
samples), `mirror` (mirror ascent of many policies at once), `trainer_steps` (RLOO, Dr. GRPO, GRPO and k3 in the loss
on the reward log p), over `objective` (J itself) and `advantages` (what a trainer makes of a group's returns).
"""
