"""``limited.py FILES OUTPUT ARGUMENTS...``: ``tocsin serve`` in a process that may open no more than so many files.

What it writes goes to OUTPUT, where that is not empty.
"""

import os
import resource
import sys

from tocsin.cli.main import main

if __name__ == "__main__":
    files = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    if sys.argv[2]:
        output = os.open(sys.argv[2], os.O_WRONLY)
        os.dup2(output, 1)
        os.dup2(output, 2)
    sys.argv = ["tocsin", "serve", *sys.argv[3:]]
    main()
