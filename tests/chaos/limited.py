"""``limited.py FILES ARGUMENTS...``: ``tocsin serve`` in a process that may open no more than so many files."""

import resource
import sys

from tocsin.cli.main import main

if __name__ == "__main__":
    files = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    sys.argv = ["tocsin", "serve", *sys.argv[2:]]
    main()
