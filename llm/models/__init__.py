"""Models: `loading` a bundled one, a folder or a hub id, the bundled task and its closed form in `organisms`, the
shapes of three chat models in `architectures`, and whether the model `hub` answers.
"""
