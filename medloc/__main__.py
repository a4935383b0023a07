"""`python -m medloc`: the same as `medloc`."""

import sys

from medloc.cli import main

if __name__ == "__main__":
    sys.exit(main())
