"""Writes docs/benchmarks.md and its charts from what `make bench` left: `make bench-page`."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import jinja2

from abtest.experiment.allocation.strategies import EVEN_WHILE_LEARNING
from bench import tables
from bench.sections import SECTIONS, Settings, judged

RESULTS = Path("build/bench")
DOCS = Path("docs")
CHARTS = ("ratios.svg", "swap.svg", "frontier.svg")


def page(results: Path) -> str:
    """Returns the page in Markdown, from the JSON files of all sections."""
    stored = {path.stem: json.loads(path.read_text()) for path in results.glob("*.json")}
    found: dict[str, Any] = {name: stored[name]["result"] for name in SECTIONS}
    regret = found["regret"]
    settings = Settings(ours=stored["regret"]["ours"], runs=stored["regret"]["runs"])
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Markdown, from our own results
    )
    return environment.from_string((Path(__file__).parent / "page.md").read_text()).render(
        runs=f"{settings.runs:,}",
        ours=settings.ours,
        aims=tables.aims(judged(settings, found)),
        run_counts=tables.runs(regret),
        regret_tuning=tables.regret(regret, "tuning"),
        regret_fresh=tables.regret(regret, "fresh"),
        picks_tuning=tables.picks(regret, "tuning"),
        picks_fresh=tables.picks(regret, "fresh"),
        false_decisions=tables.false_decisions(found["false_decisions"]),
        decide=tables.decide(found["decide"]),
        decide_intervals=tables.decide_intervals(found["decide"]),
        learn_first=tables.learn_first(found["learn_first"]),
        frontier=tables.frontier(found["frontier"]),
        daily=tables.daily(found["daily"]),
        speed=tables.speed(found["speed"]),
        even=f"{EVEN_WHILE_LEARNING:.0%}",
    )


def main(results: Path = RESULTS, docs: Path = DOCS) -> int:
    missing = [name for name in SECTIONS if not (results / f"{name}.json").exists()]
    if missing:
        print(f"run `make bench` first: {results} lacks {', '.join(missing)}", file=sys.stderr)
        return 1
    (docs / "benchmarks.md").write_text(page(results))
    for chart in CHARTS:
        shutil.copyfile(results / chart, docs / f"benchmarks-{chart}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
