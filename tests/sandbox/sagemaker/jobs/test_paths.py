from pathlib import Path

import pytest

from abtest.sandbox.sagemaker.jobs import paths

ROOT = Path("/data/jobs/processing/x/ml")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/opt/ml", f"{ROOT}"),
        ("/opt/ml/processing/input", f"{ROOT}/processing/input"),
        ("--input=/opt/ml/processing/input", f"--input={ROOT}/processing/input"),
        ("/opt/ml/a:/opt/ml/b", f"{ROOT}/a:{ROOT}/b"),
        ('{"path": "/opt/ml/model"}', f'{{"path": "{ROOT}/model"}}'),
        ("/opt/mlflow", "/opt/mlflow"),
        ("/usr/opt/ml/x", "/usr/opt/ml/x"),
        ("s3://bucket/opt/ml/x", "s3://bucket/opt/ml/x"),
        ("", ""),
    ],
)
def test_paths_below_opt_ml_are_rewritten(value: str, expected: str) -> None:
    assert paths.rewritten(value, ROOT) == expected


def test_a_local_folder_is_below_the_root(tmp_path: Path) -> None:
    assert paths.local("/opt/ml/processing/in", tmp_path) == tmp_path / "processing/in"
    for outside in ("/opt/ml/../../etc", "/etc"):
        with pytest.raises(ValueError, match="is not below /opt/ml"):
            paths.local(outside, tmp_path)
