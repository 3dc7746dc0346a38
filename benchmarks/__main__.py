"""`python -m benchmarks [--quick] [NAME...]`: measure, and print a table each."""

import argparse
from collections.abc import Callable

from benchmarks import assembly, requests, retention, start_up, status, thousand, window
from benchmarks.machine import machine_line
from benchmarks.table import Table, render_table

BENCHMARKS: dict[str, Callable[..., Table]] = {
    "start-up": start_up.measure,
    "retention": retention.measure,
    "assembly": assembly.measure,
    "status": status.measure,
    "window": window.measure,
    "requests": requests.measure,
    "thousand": thousand.measure,
}


def main() -> None:
    """Run the named benchmarks, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny numbers: does it run at all?")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    chosen = parser.parse_args()
    unknown = set(chosen.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}")
    print(machine_line(), flush=True)
    for name in chosen.names or BENCHMARKS:
        print(f"\n{render_table(BENCHMARKS[name](quick=chosen.quick))}", flush=True)


if __name__ == "__main__":
    main()
