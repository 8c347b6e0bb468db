"""What each slow suite may take, in seconds of its tests on 2 idle cores; two workers halve their sum by the clock."""

import collections
from collections.abc import Iterable, Iterator

import pytest

BUDGETS = {
    "tests/adapters/": 20,  # real requests to a sandbox
    "tests/bench/": 20,  # every benchmark, small; what could be had at most
    "tests/cli/": 120,  # the command line against a sandbox, a deployment, the Lambda asset for both platforms
    "tests/cli/demo/": 540,  # demos: whole, interrupted, with the sandbox ended in the middle
    "tests/experiment/": 120,  # simulated error rates
    "tests/handlers/": 40,  # an experiment of a year
    "tests/infra/": 140,  # synthesis, linters, snapshots, a deployment, any configuration
    "tests/infra/test_least_privilege.py": 190,  # the loop, from shadow to rollback, with verified identities
    "tests/notebooks/": 300,  # both walk-throughs, each in a sandbox of its own
    "tests/pipelines/": 260,  # compilation by the SageMaker SDK, the whole pipeline
    "tests/report/": 20,  # pictures and the page
    "tests/sandbox/": 360,  # what the sandbox promises of each service
    "tests/test_settings_in_effect.py": 20,  # a synthesis
    "tests/workflows/": 600,  # the machines with real functions, and each release feature
}


def suite(path: str) -> str:
    """The suite of a test's file or id: the longest that it begins with. Raises ValueError if there is none."""
    return max((name for name in BUDGETS if path.startswith(name)), key=len)


def spent(reports: Iterable[pytest.TestReport]) -> dict[str, float]:
    """Seconds by suite, with what their fixtures took."""
    seconds: dict[str, float] = collections.defaultdict(float)
    for report in reports:
        seconds[suite(report.nodeid)] += report.duration
    return seconds


def lines(seconds: dict[str, float]) -> Iterator[str]:
    """A line for each suite that ran. Nothing fails by it: a busy machine is slow without a reason in the tests."""
    for name, took in sorted(seconds.items()):
        over = " over budget" if took > BUDGETS[name] else ""
        yield f"{name:36} {took:5.0f} s of {BUDGETS[name]:4} s{over}"
