import json
from pathlib import Path

import boto3
import pytest

from abtest.adapters.experiments_table import ExperimentsTable
from abtest.cli import report
from abtest.cli.shown import summary
from abtest.cli.shown.output import UserError
from abtest.report import page
from tests.cli.test_status import GROUPS, OUTPUTS, invoke, run

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def deployed(experiments: ExperimentsTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "outputs", lambda _: OUTPUTS)
    for group in GROUPS.values():
        boto3.client("sagemaker").create_model_package_group(ModelPackageGroupName=group)


def test_the_report_is_one_file_with_the_findings(
    experiments: ExperimentsTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(experiments, decided=True)
    left = {"variant_name": "Challenger1", "model_package_arn": "arn", "status": "Rejected"}
    monkeypatch.setattr(summary, "unapproved", lambda *_: [left])
    target = tmp_path / "new" / "report.html"
    assert json.loads(invoke(report.report, "--output", str(target), "--json")) == {"report": str(target)}
    html = target.read_text()
    assert "Still running: Challenger1 leads" in html
    assert "Drift: it moved." in html
    assert "It holds at all times." in html
    assert "Challenger1 serves, but its model package is Rejected" in html


def test_a_place_that_cannot_be_written_is_a_users_mistake(
    experiments: ExperimentsTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(experiments, decided=True)
    (tmp_path / "file").touch()
    monkeypatch.setattr(page, "render", lambda *_: "")
    with pytest.raises(UserError, match=r"^--output: .*/file/new cannot be written: Not a directory"):
        invoke(report.report, "--output", str(tmp_path / "file" / "new" / "report.html"))


def test_before_the_first_decision_there_is_nothing_to_report(experiments: ExperimentsTable, tmp_path: Path) -> None:
    run(experiments, decided=False)
    with pytest.raises(UserError, match="has no Decision yet"):
        invoke(report.report, "--output", str(tmp_path / "report.html"))
    assert not list(tmp_path.iterdir())
