import pytest

from abtest.sandbox import algorithms


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("811284229777.dkr.ecr.us-east-1.amazonaws.com/blazingtext:1", "BlazingText"),
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1", "XGBoost"),
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost@sha256:0a1b", "XGBoost"),
        ("811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:latest", "XGBoost"),
    ],
)
def test_an_image_is_known_by_its_repository(image: str, name: str) -> None:
    assert algorithms.of_image(image).name == name


@pytest.mark.parametrize("image", ["acme/own-xgboost:1", "xgboost/model:1", ""])
def test_any_other_image_is_refused_and_the_known_ones_named(image: str) -> None:
    with pytest.raises(algorithms.UnknownImageError, match=r"is: blazingtext.*, sagemaker-xgboost, xgboost"):
        algorithms.of_image(image)
