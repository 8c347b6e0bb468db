import json
from pathlib import Path
from typing import Any

from abtest.cli.demo import result


def document(invocations: int, held_out: int) -> dict[str, Any]:
    return {
        "users": {"reviews_each": 20},
        "held_out_reviews": held_out,
        "variants": [{"invocation_count": invocations - 1}, {"invocation_count": 1}],
    }


def test_real_reviews_drawn_once_need_no_note() -> None:
    assert result.notes(document(10, 200), generated=False) == []


def test_a_generated_sample_is_said_to_be_one() -> None:
    (note,) = result.notes(document(10, 200), generated=True)
    assert "generated sample, not real ones" in note


def test_a_slice_that_was_drawn_from_more_than_once_is_told_with_its_size() -> None:
    (note,) = result.notes(document(100, 200), generated=False)
    assert "2,000 reviews from 200 held-out ones" in note


def test_an_earlier_result_is_removed(tmp_path: Path) -> None:
    result.remove(tmp_path)
    for name in ("summary.json", "report.html", "other.txt"):
        (tmp_path / name).write_text(json.dumps({}))
    result.remove(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["other.txt"]
