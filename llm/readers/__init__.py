"""Rollouts as other tools write them: one module a tool, which knows its file by what stands in it, not by its name.

A tool's module has NAME; recognises(row), by the columns of the first row; rows(row), the responses in one row of the
file under our names (llm/rollout_table.py); and CANNOT, what its files do not say and why. llm.readers.tools puts a
table together. A file is data: nothing in it is run.
"""
