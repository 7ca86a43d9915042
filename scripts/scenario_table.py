"""Prints one table of all scenarios in all languages that ran them; fails if one failed or is missing.

usage: scenario_table.py RESULTS SCENARIOS
"""

import json
import sys
from pathlib import Path


def main(results: Path, scenarios: Path) -> int:
    names = sorted(path.stem for path in scenarios.glob("*.json"))
    reports = [json.loads(path.read_text()) for path in sorted(results.glob("*.json"))]
    width = max(map(len, names))
    print(f"{'scenario':<{width}}", *(f"{report['language']:>11}" for report in reports))
    complaints = []
    for name in names:
        cells = []
        for report in reports:
            outcome = report["results"].get(name, "did not run")
            cells.append(f"{'ok' if outcome == 'ok' else 'FAILED':>11}")
            if outcome != "ok":
                complaints.append(f"{name} in {report['language']}: {outcome}")
        print(f"{name:<{width}}", *cells)
    print(*complaints, sep="\n", end="\n" if complaints else "")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
