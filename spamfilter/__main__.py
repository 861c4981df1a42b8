"""``python -m spamfilter`` is the command ``spamfilter``."""

import sys

from spamfilter.cli import main

sys.exit(main())
