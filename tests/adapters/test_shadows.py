import dataclasses
import datetime

from abtest.adapters import shadows
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment.record.shadow import Pair, Shadow
from tests.adapters.samples import ENDPOINT, NOW

LATER = NOW + datetime.timedelta(hours=1)


def pair(challenger: int = 1) -> Pair:
    return Pair("Champion1", "arn:champion/1", f"Challenger{challenger}", f"arn:challenger/{challenger}")


BEGUN, AGAIN = Shadow(pair(), NOW), Shadow(pair(), LATER)
FAILED = dataclasses.replace(BEGUN, passed=False, reason="it differs.")
PASSED = dataclasses.replace(AGAIN, passed=True, reason="it agrees.")


def test_a_shadow_begins_once_and_the_first_verdict_stands(experiments: ExperimentsTable) -> None:
    assert shadows.get(experiments, ENDPOINT, pair()) is None
    assert experiments.attempt([shadows.begin(ENDPOINT, BEGUN)])
    assert not experiments.attempt([shadows.begin(ENDPOINT, AGAIN)])
    assert shadows.get(experiments, ENDPOINT, pair()) == BEGUN
    assert experiments.attempt([shadows.judge(ENDPOINT, FAILED)])
    assert not experiments.attempt([shadows.judge(ENDPOINT, PASSED)])
    assert experiments.attempt([shadows.begin(ENDPOINT, Shadow(pair(2), LATER))])
    assert shadows.all_of(experiments, ENDPOINT) == [FAILED, Shadow(pair(2), LATER)]
    assert shadows.all_of(experiments, "sagemaker-other-dev") == []


def test_a_shadow_can_be_restarted_unless_it_is_judged(experiments: ExperimentsTable) -> None:
    assert not experiments.attempt([shadows.restart(ENDPOINT, pair())])
    experiments.transact([shadows.begin(ENDPOINT, BEGUN)])
    assert experiments.attempt([shadows.restart(ENDPOINT, pair())])
    assert not experiments.attempt([shadows.judge(ENDPOINT, FAILED)])  # of the time before
    experiments.transact([shadows.begin(ENDPOINT, AGAIN)])
    experiments.transact([shadows.judge(ENDPOINT, PASSED)])
    assert not experiments.attempt([shadows.restart(ENDPOINT, pair())])
    assert shadows.get(experiments, ENDPOINT, pair()) == PASSED
