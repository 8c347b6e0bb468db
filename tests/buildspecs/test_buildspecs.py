import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
BUILDSPECS = sorted((ROOT / "buildspecs").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_there_is_one_for_each_stage_of_delivery() -> None:
    assert [path.stem for path in BUILDSPECS] == ["deploy", "synth", "test", "upsert"]


@pytest.mark.parametrize("path", BUILDSPECS, ids=lambda path: path.stem)
def test_a_buildspec_only_calls_make_targets(path: Path) -> None:
    document: dict[str, Any] = yaml.safe_load(path.read_text())
    assert document["version"] == 0.2
    assert set(document["phases"]) <= {"install", "pre_build", "build", "post_build"}
    commands = [command for phase in document["phases"].values() for command in phase["commands"]]
    assert commands
    for command in commands:
        match = re.fullmatch(r'make ([a-z-]+)( STAGE="\$STAGE")?', command)
        assert match, command
        assert match[1] in TARGETS


@pytest.mark.parametrize("path", BUILDSPECS, ids=lambda path: path.stem)
def test_the_run_times_are_supported(path: Path) -> None:
    versions = yaml.safe_load(path.read_text())["phases"]["install"]["runtime-versions"]
    assert versions == {"python": 3.12, "nodejs": 22}
