"""Behind llm.evaluate: what models and samplers are judged by, in tables with intervals."""
