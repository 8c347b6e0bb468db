"""The templates are the committed ones: a change that nobody planned is a line of a diff."""

from pathlib import Path

import pytest

from tests.infra.snapshot import FOLDER, snapshots, text

pytestmark = pytest.mark.slow


def test_no_template_changed_unplanned(tmp_path: Path) -> None:
    committed = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    made = dict(snapshots(tmp_path))
    assert committed.keys() == made.keys()
    changed = {
        name: sorted(set(made[name].splitlines()) ^ set(committed[name].splitlines()))
        for name in made
        if made[name] != committed[name]
    }
    assert not changed, "if this is meant, say make generate"


def test_a_snapshot_has_a_line_for_each_resource_and_none_for_what_is_elsewhere() -> None:
    function = {"Code": {"S3Key": "0" * 64}, "Name": f"a-{'f' * 64}"}
    template = {"Resources": {"B": {"Properties": function}, "A": {"Type": "T"}}, "Rules": {}}
    assert text(template).splitlines() == [
        "{",
        '"Resources": {',
        '"A": {"Type":"T"},',
        '"B": {"Properties":{"Code":{"S3Key":"<asset>"},"Name":"a-asset"}}',
        "}",
        "}",
    ]
