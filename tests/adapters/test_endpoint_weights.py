from abtest.adapters.endpoint import current_weights, desired_weights


def test_desired_weights_are_the_shares() -> None:
    assert desired_weights({"a": 0.25}) == [{"VariantName": "a", "DesiredWeight": 0.25}]


def test_current_weights_are_by_variant() -> None:
    variant = {"VariantName": "a", "CurrentWeight": 3.0, "DesiredWeight": 1.0}
    assert current_weights({"ProductionVariants": [variant]}) == {"a": 3.0}
