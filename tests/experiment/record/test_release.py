from hypothesis import given
from hypothesis import strategies as st

from abtest.experiment.record.release import Release, Releases


def release(champion: int, instances: int = 1) -> Release:
    name = f"config-{champion}-{instances}"
    return Release.of(name, f"reviews-dev-v{champion}-1", {f"Champion{champion}": f"arn:champion/{champion}"})


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 2))))
def test_the_previous_release_is_the_last_one_of_other_packages(deployed: list[tuple[int, int]]) -> None:
    """Against a plain model: the list of all that was deployed."""
    kept, made = Releases(), [release(*one) for one in deployed]
    for one in made:
        kept = Releases.from_json(kept.to_json()).then(one)
    others = [one for one in made if one.packages != made[-1].packages]
    assert kept.current == (made[-1] if made else None)
    assert kept.previous == (others[-1] if others else None)


def test_what_a_rollback_wants_holds_until_there_is_another_experiment() -> None:
    wanting = Releases().then(release(1)).then(release(2)).wanting("reviews-dev-v1-1")
    assert wanting.then(release(2)) == wanting == wanting.wanting("reviews-dev-v1-1")
    more = release(2).packages | {"Challenger1": "arn:challenger/1"}
    joined = Release.of("config-2-1", "reviews-dev-v2-1", more)
    assert wanting.then(joined).resume == "reviews-dev-v1-1"
    assert wanting.then(release(3)).resume is None
    assert wanting.then(release(1)).resume is None
