"""`python -m tests.mutants`: tries the sample; `--draw` draws it anew, `--some 40` tries only so many of it."""

import argparse
import random
import sys
from collections.abc import Sequence

from tests.mutants import page, sample, tool


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--draw", action="store_true", help="draw the sample anew and write it, try nothing")
    parser.add_argument("--some", type=int, help="try so many of the sample, and leave the page as it is")
    given = parser.parse_args(arguments)
    print("generating the mutants", flush=True)
    names = tool.generate()
    if given.draw:
        sample.write(tool.described(sample.drawn(names)))
        print(f"{sample.FILE.name}: {sample.SIZE} of {len(names):,} mutants, seed {sample.SEED}")
        return 0
    try:
        mutants = tool.check(sample.read())
    except tool.StaleError as error:
        print(f"{error}: draw the sample anew, `make mutants DRAW=--draw`", file=sys.stderr)
        return 2
    tried = tool.fates(random.Random(sample.SEED).sample(mutants, given.some) if given.some else mutants)
    print(page.table(tried))
    for name in sorted(page.key(mutant) for mutant, status in tried.items() if status not in page.NOTICED):
        print(f"lives: {name}")
    if not given.some:
        print(f"{len(page.write(tried))} of them have no reason yet in {page.PAGE}")
    print(f"noticed: {page.share(tried):.1%} of {len(tried)}; wanted: {page.WANTED_SHARE:.0%}")
    return int(page.share(tried) < page.WANTED_SHARE)


if __name__ == "__main__":
    sys.exit(main())
