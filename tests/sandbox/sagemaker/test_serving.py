import sys

import pytest
from botocore.exceptions import EndpointConnectionError

from abtest.sandbox import clients
from abtest.sandbox.sagemaker import background, serving
from tests.sandbox.sagemaker.artefacts import IMAGE, XGBOOST_IMAGE
from tests.sandbox.sagemaker.conftest import Local

GOOD_URL = "s3://bucket/good/model.tar.gz"


def test_a_server_is_found_by_the_key_of_its_deployment(local: Local) -> None:
    key = serving.deploy(IMAGE, GOOD_URL)
    assert serving.deploy(IMAGE, "s3://another/good/model.tar.gz") == key
    assert serving.server(key, IMAGE, GOOD_URL) is serving.server(key, IMAGE, GOOD_URL)


def test_a_server_is_loaded_anew_after_its_memory_was_freed(local: Local) -> None:
    key = serving.deploy(IMAGE, GOOD_URL)
    serving.keep_only({key})
    before = serving.server(key, IMAGE, GOOD_URL)
    serving.keep_only(set())
    assert serving.server(key, IMAGE, GOOD_URL) is not before


@pytest.mark.parametrize(
    ("image", "url", "said"),
    [
        ("acme/own-xgboost:1", GOOD_URL, "no implementation of the image acme/own-xgboost:1. It serves .*blazingtext"),
        (XGBOOST_IMAGE, GOOD_URL, "holds no XGBoost model"),
        (IMAGE, None, "begins with s3://, not None"),
        (IMAGE, "https://bucket/model.tar.gz", "begins with s3://"),
        (IMAGE, "s3://bucket/none/model.tar.gz", "Could not find model data at s3://bucket/none/model.tar.gz"),
        (IMAGE, "s3://bucket/bad/model.tar.gz", "no tar archive"),
    ],
)
def test_what_cannot_be_loaded_says_why(local: Local, image: str, url: str | None, said: str) -> None:
    with pytest.raises(serving.LoadFailure, match=said):
        serving.deploy(image, url)


def test_an_algorithm_whose_package_is_missing_says_what_to_install(
    local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(serving.LoadFailure, match=r"XGBoost with a package that is not installed.*make setup-dev"):
        serving.deploy(XGBOOST_IMAGE, GOOD_URL)


def test_a_starting_sandbox_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def absent(*_: str) -> None:
        tried.append(1)
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")

    monkeypatch.setattr(clients, "client", absent)
    monkeypatch.setattr(background.stopping, "wait", lambda _: len(tried) == 3)
    with pytest.raises(serving.LoadFailure, match="S3 cannot be reached to read s3://b/k"):
        serving._read("b", "k")
    assert len(tried) == 3
