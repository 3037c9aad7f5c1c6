"""What every command needs: the command line, one line for an error, and the one door to a run folder."""

from harness import startup

startup.start()  # here, as what a command imports first: Ctrl-C may come while it is still being loaded
