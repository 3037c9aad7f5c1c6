"""Behind llm.forecast: the estimates of theory.estimation, written as files, tables and sentences."""
