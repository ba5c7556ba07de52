"""Prints the table of benches/compute.sh: for each variant, the lowest time of each recording, summed over the recordings."""

import json
import sys
from collections import defaultdict
from pathlib import Path

WHATS = ["encode", "text", "greedy"]


def main() -> None:
    least: dict[tuple, dict[str, float]] = defaultdict(dict)
    order: list[tuple] = []
    for line in Path(sys.argv[1]).read_text("utf-8").splitlines():
        run = json.loads(line)
        if run["what"] not in WHATS:
            continue
        row = (run["model"], run["threads"], run["variant"])
        if row not in order:
            order.append(row)
        for kind in ("wall_s", "cpu_s"):
            figures = least[(*row, run["what"], kind)]
            figures[run["file"]] = min(run[kind], figures.get(run["file"], float("inf")))
    print("| model | threads | variant | " + " | ".join(f"{what}, s | its CPU, s" for what in WHATS) + " |")
    print("|---|---|---|" + "---|" * 2 * len(WHATS))
    first: dict[tuple, tuple] = {}
    for row in order:
        base = first.setdefault(row[:2], row)
        cells = []
        for what in WHATS:
            for kind in ("wall_s", "cpu_s"):
                took, reference = (sum(least[(*which, what, kind)].values()) for which in (row, base))
                cells.append(f"{took:.2f} ({took / reference:.2f})")
        print("| " + " | ".join([*map(str, row), *cells]) + " |")


if __name__ == "__main__":
    main()
