"""Lists the scenarios: those that the strategy was tuned on, and fresh ones that nobody tuned anything on.

Rates, times of change and sizes of the fresh ones differ; they were written down before the first run on them.
"""

import dataclasses

from abtest.experiment.simulation import Change, Scenario, Users

ON_TIME = (1.0,)
ONE_LATE = (0.0, 1.0)
SPREAD = (1 / 3, 1 / 3, 1 / 3)
EARLY = (0.5, 0.3, 0.2)

TEN = (0.06, 0.055, 0.055, 0.05, 0.05, 0.05, 0.045, 0.045, 0.04, 0.04)


@dataclasses.dataclass(frozen=True)
class Cell:
    """A scenario and what it stands for.

    `group` is "stationary", "change" or "sticky"; `timing` "on time", "one late" or "spread"; `all_peers` says whether
    the libraries run here too.
    """

    scenario: Scenario
    group: str
    timing: str
    all_peers: bool = False

    @property
    def name(self) -> str:
        return self.scenario.name


def _timed(scenarios: list[Scenario], group: str, timing: str, delay: tuple[float, ...]) -> list[Cell]:
    return [
        Cell(dataclasses.replace(each, name=f"{each.name}, {timing}", delay=delay), group, timing) for each in scenarios
    ]


def _with_peers(cells: list[Cell]) -> list[Cell]:
    return [dataclasses.replace(cell, all_peers=True) for cell in cells]


def _tuning() -> list[Cell]:
    stationary = [
        Scenario(".65 / .67", (0.65, 0.67)),
        Scenario(".04 / .05", (0.04, 0.05)),
        Scenario(".04 / .045 / .05", (0.04, 0.045, 0.05)),
        Scenario("five arms, .1 against .08", (0.1, 0.08, 0.08, 0.08, 0.08)),
        Scenario("ten arms, .04 to .06", TEN),
    ]
    change = [
        Scenario("swap half-way, .04 / .05", (0.04, 0.05), (Change(0.5, (0.05, 0.04)),)),
        Scenario("a loser rises, .05 / .04 to .06", (0.05, 0.04), (Change(0.5, (0.05, 0.06)),)),
    ]
    sticky = [
        Scenario(f".04 / .05, sticky, {share:.0%} new", (0.04, 0.05), users=Users(new_share=share))
        for share in (0.1, 0.02)
    ]
    late = _timed(stationary, "stationary", "one late", ONE_LATE)
    return [
        *_with_peers(_timed(stationary, "stationary", "on time", ON_TIME)),
        *_with_peers(late[:2]),
        *late[2:],
        *_timed(stationary, "stationary", "spread", SPREAD),
        *_with_peers(_timed(change, "change", "on time", ON_TIME)),
        *_timed(change, "change", "one late", ONE_LATE),
        *_timed(change, "change", "spread", SPREAD),
        *_timed(sticky, "sticky", "on time", ON_TIME),
    ]


def _fresh() -> list[Cell]:
    stationary = [
        Scenario(".30 / .33", (0.30, 0.33)),
        Scenario(".020 / .026", (0.026, 0.020), intervals=80, requests=600),
        Scenario(".10 / .11 / .12", (0.11, 0.12, 0.10), intervals=30, requests=1500),
        Scenario("four arms, .45 to .50", (0.48, 0.45, 0.50, 0.48), intervals=60, requests=500),
        Scenario("eight arms, .06 against .05", (*[0.05] * 5, 0.06, 0.05, 0.05), intervals=40, requests=2000),
        Scenario(".09 / .12, 100 an interval", (0.12, 0.09), intervals=100, requests=100),
    ]
    change = [
        Scenario("swap at .3, .12 / .10", (0.12, 0.10), (Change(0.3, (0.10, 0.12)),)),
        Scenario("swap at .7, .03 / .04", (0.03, 0.04), (Change(0.7, (0.04, 0.03)),), intervals=80),
        Scenario(
            "one of four rises at .4",
            (0.06, 0.05, 0.05, 0.05),
            (Change(0.4, (0.06, 0.05, 0.05, 0.075)),),
            intervals=60,
            requests=800,
        ),
        Scenario("the best falls at .6, .33 to .27", (0.33, 0.30), (Change(0.6, (0.27, 0.30)),)),
        Scenario("two swaps, .05 / .065", (0.05, 0.065), (Change(0.35, (0.065, 0.05)), Change(0.7, (0.05, 0.065)))),
    ]
    sticky = [
        Scenario(
            ".10 / .12, sticky, 5% new, users differ", (0.10, 0.12), users=Users(new_share=0.05, concentration=2.0)
        )
    ]
    return [
        *_timed(stationary, "stationary", "on time", ON_TIME),
        *_timed(stationary[:4], "stationary", "one late", ONE_LATE),
        *_timed(stationary[:3], "stationary", "spread", EARLY),
        *_timed(change, "change", "on time", ON_TIME),
        *_timed(change[:2], "change", "one late", ONE_LATE),
        *_timed(sticky, "sticky", "on time", ON_TIME),
    ]


SETS: dict[str, list[Cell]] = {"tuning": _tuning(), "fresh": _fresh()}
