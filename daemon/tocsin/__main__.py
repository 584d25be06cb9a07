"""``python -m tocsin``: the command line, where its script is not on the path."""

from tocsin.cli.entry import main

main()
