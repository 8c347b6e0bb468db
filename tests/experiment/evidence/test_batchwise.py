"""All batches at once give what `stopping.Evidence` gives batch by batch."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.experiment.evidence.stopping import Evidence, array_of, highest
from abtest.experiment.record.variants import Trials

ARM = st.tuples(st.integers(0, 40), st.floats(0, 1)).map(lambda arm: (arm[0], arm[0] * arm[1]))


@given(st.lists(st.tuples(ARM, ARM), max_size=8), st.floats(-2, 2))
def test_it_is_the_evidence_of_each_batch(batches: list[tuple[Trials, Trials]], difference: float) -> None:
    evidence, so_far = Evidence(difference), []
    for batch in batches:
        evidence.add(*batch)
        so_far.append(evidence.highest)
    a, b = (array_of([pair[side] for pair in batches]) for side in (0, 1))
    assert highest(a, b, difference).tolist() == pytest.approx(so_far, abs=1e-9)


def test_a_difference_that_no_means_can_have_is_exceeded() -> None:
    assert highest(array_of([(0, 0.0)]), array_of([(0, 0.0)]), -1.5).tolist() == [math.inf]
