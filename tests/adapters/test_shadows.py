import datetime

from abtest.adapters.experiments_table import ExperimentsTable
from abtest.adapters.shadows import Shadows
from abtest.experiment.evidence.shadow import Verdict
from abtest.experiment.record.shadow import Pair, Shadow
from tests.adapters.samples import ENDPOINT, NOW

LATER = NOW + datetime.timedelta(hours=1)


def pair(challenger: int = 1) -> Pair:
    return Pair("Champion1", "arn:champion/1", f"Challenger{challenger}", f"arn:challenger/{challenger}")


def test_a_shadow_begins_once_and_the_first_verdict_stands(experiments: ExperimentsTable) -> None:
    shadows = Shadows("experiments", ENDPOINT)
    assert shadows.get(pair()) is None
    begun = shadows.begun(pair(), NOW)
    assert shadows.begun(pair(), LATER) == begun == shadows.get(pair()) == Shadow(pair(), NOW)
    shadows.judge(begun, Verdict(False, "it differs."))
    shadows.judge(begun, Verdict(True, "it agrees."))
    assert shadows.begun(pair(), LATER) == Shadow(pair(), NOW, passed=False, reason="it differs.")
    shadows.begun(pair(2), LATER)
    assert [shadow.pair.challenger_name for shadow in shadows.all()] == ["Challenger1", "Challenger2"]
    assert Shadows("experiments", "sagemaker-other-dev").all() == []


def test_a_shadow_that_is_deployed_again_has_its_whole_time_unless_it_is_judged(experiments: ExperimentsTable) -> None:
    shadows = Shadows("experiments", ENDPOINT)
    shadows.forget(pair())
    before = shadows.begun(pair(), NOW)
    shadows.forget(pair())
    shadows.judge(before, Verdict(True, "it agreed in its first time."))
    again = shadows.begun(pair(), LATER)
    assert again == Shadow(pair(), LATER)
    shadows.judge(again, Verdict(True, "it agrees."))
    shadows.forget(pair())
    assert shadows.get(pair()) == Shadow(pair(), LATER, passed=True, reason="it agrees.")
