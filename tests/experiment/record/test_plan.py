import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.experiment.record.plan import Plan, PlanError, PlannedVariant
from tests.adapters.samples import NOW, experiment, plan

VERSIONS = st.sets(st.integers(1, 5), max_size=4).map(lambda versions: tuple(sorted(versions)))


def test_a_new_champion_begins_with_the_initial_weights() -> None:
    assert plan(2, (1,), weight=3).shares(None) == {"Champion2": 0.25, "Challenger1": 0.75}
    running = experiment(plan(1, (1,)), {"Champion1": 0.9, "Challenger1": 0.1})
    assert dict(plan(2, (1,)).shares(running)) == {"Champion2": 0.5, "Challenger1": 0.5}


def test_the_same_variants_keep_their_shares() -> None:
    running = experiment(plan(1, (1,)), {"Champion1": 0.9, "Challenger1": 0.1})
    assert plan(1, (1,)).shares(running) is running.shares


def test_a_joining_challenger_gets_its_configured_share() -> None:
    running = experiment(plan(1, (1,)), {"Champion1": 0.9, "Challenger1": 0.1})
    shares = plan(1, (1, 2), weight=0.5).shares(running)
    assert shares["Challenger2"] == pytest.approx(0.25)
    assert shares["Champion1"] == pytest.approx(0.9 * 0.75)


def test_a_joining_challenger_gets_the_joining_share_and_at_most_an_equal_part() -> None:
    running = experiment(plan(1, (1,)), {"Champion1": 0.9, "Challenger1": 0.1})
    shares = plan(1, (1, 2), weight=9).shares(running, 0.1)
    assert dict(shares) == pytest.approx({"Champion1": 0.81, "Challenger1": 0.09, "Challenger2": 0.1})
    capped = plan(1, (1, 2, 3)).shares(running, 0.5)
    assert dict(capped) == pytest.approx(
        {"Champion1": 0.45, "Challenger1": 0.05, "Challenger2": 0.25, "Challenger3": 0.25}
    )


def test_the_joining_share_moves_nothing_where_none_joins() -> None:
    running = experiment(plan(1, (1,)), {"Champion1": 0.9, "Challenger1": 0.1})
    assert plan(1, (1,)).shares(running, 0.2) is running.shares
    assert dict(plan(2, (1,)).shares(running, 0.2)) == {"Champion2": 0.5, "Challenger1": 0.5}


def test_a_leaving_challenger_that_had_everything() -> None:
    running = experiment(plan(1, (1, 2)), {"Champion1": 0.0, "Challenger1": 0.0, "Challenger2": 1.0})
    assert dict(plan(1, (1,)).shares(running)) == {"Champion1": 0.5, "Challenger1": 0.5}


@given(VERSIONS, VERSIONS, st.lists(st.floats(0, 1), min_size=6, max_size=6))
def test_who_stays_keeps_proportions_and_all_sum_to_one(
    before: tuple[int, ...], after: tuple[int, ...], weights: list[float]
) -> None:
    weighted = {v.variant_name: w + 1e-3 for v, w in zip(plan(1, before).variants, weights, strict=False)}
    total = sum(weighted.values())
    running = experiment(plan(1, before), {name: weight / total for name, weight in weighted.items()})
    shares = plan(1, after).shares(running)
    assert set(shares) == set(plan(1, after).packages)
    assert sum(shares.values()) == pytest.approx(1)
    joining = set(shares) - set(running.shares)
    assert all(shares[name] == pytest.approx(1 / len(shares)) for name in joining)
    ratios = [shares[name] / running.shares[name] for name in set(shares) & set(running.shares)]
    assert ratios == pytest.approx([ratios[0]] * len(ratios))


def test_a_name_stands_for_one_package_in_an_experiment() -> None:
    running = experiment(plan(1, (1,)))
    reused = Plan(1, (plan().variants[0], PlannedVariant("Challenger1", "arn:challenger/9", 1.0)))
    with pytest.raises(PlanError, match="Challenger1 stands for arn:challenger/1"):
        reused.shares(running)


def test_a_champion_of_a_group_made_anew_begins_anew() -> None:
    running = experiment(plan(1))
    other = Plan(1, (PlannedVariant("Champion1", "arn:other/1", 1.0),))
    assert plan(1).continues(running)
    assert not other.continues(running)


def test_it_survives_json() -> None:
    assert Plan.from_json(plan(3, (1, 2)).to_json()) == plan(3, (1, 2))


def test_known_variants_keep_the_time_they_joined() -> None:
    running = experiment(plan(1, (1,)))
    later = NOW.replace(hour=13)
    joined = {variant.variant_name: variant.joined_at for variant in plan(1, (1, 2)).joined(running, later)}
    assert joined == {"Champion1": NOW, "Challenger1": NOW, "Challenger2": later}


def test_canaries_begin_and_join_at_their_share_and_at_most_an_equal_part() -> None:
    begun = plan(1, (1, 2), weight=9).shares(None, 0.3, 0.05)
    assert dict(begun) == pytest.approx({"Champion1": 0.9, "Challenger1": 0.05, "Challenger2": 0.05})
    assert dict(plan(1, (1, 2)).shares(None, None, 0.5)) == pytest.approx(dict(plan(1, (1, 2)).shares(None)))
    running = experiment(plan(1, (1,)), {"Champion1": 0.9, "Challenger1": 0.1})
    joined = plan(1, (1, 2)).shares(running, 0.3, 0.1)
    assert dict(joined) == pytest.approx({"Champion1": 0.81, "Challenger1": 0.09, "Challenger2": 0.1})
    assert dict(plan(1, ()).shares(None, None, 0.1)) == {"Champion1": 1.0}


def test_a_variant_that_is_out_gets_nothing_from_one_that_leaves() -> None:
    shares = {"Champion1": 0.0, "Challenger1": 0.0, "Challenger2": 1.0}
    running = experiment(plan(1, (1, 2)), shares, out={"Challenger1": "slow"})
    assert dict(plan(1, (1,)).shares(running)) == {"Champion1": 1.0, "Challenger1": 0.0}
