"""`make bench`: runs the benchmarks, prints their tables and writes build/bench/*.json."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import charts, pool, tables
from bench.sections import SECTIONS, Settings, judged

OUT = Path("build/bench")


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="runs of each simulation (slow peers get fewer)")
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, comma separated")
    parser.add_argument("--ours", default=Settings.ours, help="the strategy that the aims are about")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args(given)
    options.sections = options.only.split(",")
    if unknown := sorted(set(options.sections) - set(SECTIONS)):
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    if options.runs < 2:
        parser.error("--runs must be 2 or more")
    return options


def run(settings: Settings, sections: Sequence[str], out: Path, processes: int | None = None) -> dict[str, Any]:
    """Returns what each section gives, and writes it to `out`. Times are taken last, when nothing else runs."""
    out.mkdir(parents=True, exist_ok=True)
    chosen = [name for name in SECTIONS if name in sections]
    tasks = {name: SECTIONS[name].tasks(settings) for name in chosen}
    together = [task for name in chosen if name != "speed" for task in tasks[name]]
    results = iter(pool.run(together, processes) if together else [])
    found = {}
    for name in chosen:
        taken = pool.run(tasks[name], 1) if name == "speed" else [next(results) for _ in tasks[name]]
        found[name] = SECTIONS[name].collect(settings, taken)
        _write(out / f"{name}.json", {"runs": settings.runs, "ours": settings.ours, "result": found[name]})
    return found


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n")


def main(given: Sequence[str] | None = None) -> int:
    options = arguments(given)
    settings = Settings(ours=options.ours, runs=options.runs)
    found = run(settings, options.sections, options.out)
    for name, result in found.items():
        for title, table in SECTIONS[name].tables(result).items():
            print(f"\n{title}\n\n{table}")
    if "regret" in found:
        charts.ratios(found["regret"], settings.ours, options.out / "ratios.svg")
        charts.curves(found["regret"], settings.ours, options.out / "swap.svg")
    if "frontier" in found:
        charts.frontier(found["frontier"], options.out / "frontier.svg")
    rows = judged(settings, found)
    _write(options.out / "aims.json", rows)
    print(f"\nAims, {settings.runs} runs\n\n{tables.aims(rows)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
