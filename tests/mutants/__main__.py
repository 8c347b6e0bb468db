"""`python -m tests.mutants`: tries the sample; `--draw` draws it anew, `--some 40` tries only so many of it."""

import argparse
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from mutmut.stats import status_by_exit_code

from tests.mutants import page, sample
from tests.mutants.sample import Mutant, StaleError


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--draw", action="store_true", help="draw the sample anew and write it, try nothing")
    parser.add_argument("--some", type=int, help="try so many of the sample, and leave the page as it is")
    given = parser.parse_args(arguments)
    print("generating the mutants", flush=True)
    names = sample.generate()
    if given.draw:
        sample.write(sample.draw(names))
        print(f"{sample.FILE.name}: {sample.SIZE} of {len(names):,} mutants, seed {sample.SEED}")
        return 0
    try:
        mutants = sample.check(sample.read())
    except StaleError as error:
        print(f"{error}: draw the sample anew by `python -m tests.mutants --draw`", file=sys.stderr)
        return 2
    tried = fates(random.Random(sample.SEED).sample(mutants, given.some) if given.some else mutants)
    print(page.table(tried))
    if not given.some:
        for name in page.write(tried):
            print(f"lives without a reason in {page.PAGE}: {name}")
    print(f"noticed: {page.share(tried):.1%} of {len(tried)}; wanted: {page.WANTED_SHARE:.0%}")
    return int(page.share(tried) < page.WANTED_SHARE)


def fates(mutants: Sequence[Mutant]) -> dict[Mutant, str]:
    """Runs mutmut, two mutants at once, and returns what it says of each. Raises CalledProcessError if it fails."""
    command = [str(Path(sys.executable).with_name("mutmut")), "run", "--max-children", "2"]
    subprocess.run([*command, *(mutant.name for mutant in mutants)], check=True)
    codes = {name: code for data in sample.metadata() for name, code in data.exit_code_by_key.items()}
    return {mutant: status_by_exit_code[codes[mutant.name]] for mutant in mutants}


if __name__ == "__main__":
    sys.exit(main())
