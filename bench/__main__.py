"""Every bench, one after the other, as one table: what was measured, and as a share of what.

Each runs in a process of its own, so that none is warmer or larger for the one before it. Figures
of different runs are not to be compared: other work on the machine changes them, ratios much less.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from tests.processes import ROOT

BENCHES = {
    "Mail in": ("bench.mail_in",),
    "Suggestions": ("bench.suggestions",),
    "GraphQL": ("bench.graphql_lists",),
    "Lists": ("bench.lists",),
    "Calendars": ("bench.calendars", "100000"),
    "Clocks": ("bench.clock",),
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--messages", type=int, default=2000, help="of mail, in each round")
    options = arguments.parse_args()
    failed = 0
    for name, (module, *more) in BENCHES.items():
        if module == "bench.mail_in":
            more += ["--messages", str(options.messages)]
        print(f"\n{name}", flush=True)
        failed += subprocess.run([sys.executable, "-m", module, *more], cwd=ROOT).returncode != 0
    sys.exit(failed)


if __name__ == "__main__":
    main()
