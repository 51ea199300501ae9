"""``python -m exchange_wrapper.service``."""

import sys

from exchange_wrapper.cli import main

if __name__ == "__main__":
    sys.exit(main())
