import json

import pytest

from abtest.cli import outputs
from abtest.cli.shown.output import UserError
from abtest.cli.stage import stacks


@pytest.fixture(autouse=True)
def deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacks, "outputs", lambda _: {"EndpointName": "churn", "ApiEndpoint": "https://api/"})


def test_all_and_one_by_name_for_people_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    outputs.outputs()
    outputs.outputs("ApiEndpoint")
    assert capsys.readouterr().out == "ApiEndpoint   https://api/\nEndpointName  churn\nhttps://api/\n"
    outputs.outputs("ApiEndpoint", as_json=True)
    assert json.loads(capsys.readouterr().out) == {"ApiEndpoint": "https://api/"}


def test_another_name_is_a_mistake() -> None:
    with pytest.raises(UserError, match=r"Api is no output of stage dev: they are ApiEndpoint, EndpointName"):
        outputs.outputs("Api")
