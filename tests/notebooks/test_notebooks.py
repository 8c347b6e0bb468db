"""Each notebook runs from top to bottom in a kernel and a sandbox of its own, which it starts and stops."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 120
WHOLE_LOOP_SECONDS = 600  # a deployment and a pipeline among it; two minutes on a machine that has nothing else to do

Notebook = dict[str, Any]


def read(path: Path) -> Notebook:
    notebook: Notebook = json.loads(path.read_text())
    return notebook


def outputs(notebook: Notebook) -> Iterator[dict[str, Any]]:
    """What the cells show, by media type."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            yield output.get("data", {})


def shown(notebook: Notebook, kind: str) -> list[str]:
    return ["".join(data[kind]) for data in outputs(notebook) if kind in data]


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.name)
def test_a_notebook_is_committed_without_outputs(path: Path) -> None:
    cells = [cell for cell in read(path)["cells"] if cell["cell_type"] == "code"]
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells)


def executed(name: str, folder: Path, seconds: float = SECONDS) -> Notebook:
    """The notebook with its outputs; fails with the cell that failed, or if the sandbox outlives the kernel."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    places = {"TMPDIR": "tmp", "JUPYTER_RUNTIME_DIR": "runtime", "IPYTHONDIR": "ipython", "MPLCONFIGDIR": "matplotlib"}
    for variable, place in places.items():
        (folder / place).mkdir()
        environment[variable] = str(folder / place)
    command: list[str | Path] = [
        Path(sys.executable).with_name("jupyter-execute"),
        f"notebooks/{name}",
        "--output",
        folder / name,
    ]
    try:
        ended = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=seconds, check=False
        )
    finally:
        left = [int(path.read_text()) for path in folder.rglob("sandbox.pid")]
        for pid in left:
            psutil.Process(pid).kill()
    assert not ended.returncode, ended.stderr[-4000:]
    assert not left, "the sandbox outlived the kernel"
    return read(folder / name)


@pytest.mark.slow
def test_the_churn_story(tmp_path: Path) -> None:
    notebook = executed("churn.ipynb", tmp_path)
    texts = shown(notebook, "text/plain")
    assert len(shown(notebook, "image/png")) == 3  # invocations a minute, ROC, who answered in each phase
    assert "'InService'" in texts
    assert "{'Variant1': 25, 'Variant2': 75}" in texts
    assert "{'Variant1': 0, 'Variant2': 1}" in texts
    assert texts[-1] == "{'endpoints': 0, 'configurations': 0, 'models': 0, 'buckets': 0}"

    ((phases,),) = [[text for text in texts if text.lstrip().startswith("Variant1  Variant2\n1 : 1")]]
    counts = {line[:8].strip(): [float(value) for value in line[8:].split()] for line in phases.splitlines()[1:]}
    assert all(sum(pair) == 120 for pair in counts.values())
    assert 40 <= counts["1 : 1"][0] <= 80
    assert 15 <= counts["25 : 75"][0] <= 45
    assert counts["0 : 1"] == [0, 120]

    ((qualities,),) = [[text for text in texts if "ROC AUC" in text and "accuracy" in text]]
    first, second = (float(value) for value in qualities.splitlines()[-1].split()[-2:])
    assert 0.6 < first < second < 1


@pytest.mark.slow
@pytest.mark.timeout(WHOLE_LOOP_SECONDS + 60)
def test_the_reviews_story(tmp_path: Path) -> None:
    notebook = executed("reviews.ipynb", tmp_path, WHOLE_LOOP_SECONDS)
    texts = shown(notebook, "text/plain")
    # Helpful scores, search, confusion and ROC, reward and weights, beliefs, strategies.
    assert len(shown(notebook, "image/png")) == 6
    ((accuracies,),) = [[text for text in texts if text.split()[0] == "accuracy" and "Champion1" in text]]
    champion, challenger = (float(line.split()[1]) for line in accuracies.splitlines()[1:])
    assert 0.5 < champion < challenger < 0.9

    ((looks,),) = [[text for text in texts if "e-value" in text]]
    assert looks.splitlines()[-1].split()[-2:] == ["decided", "Challenger1"]
    ((counted,),) = [[text for text in texts if "reward_rate" in text]]
    assert sum(int(line.split()[1]) for line in counted.splitlines()[2:4]) == 600
    assert "{'Champion2': 1.0}" in texts
    left = ast.literal_eval(texts[-1])
    assert set(left) == {"endpoints", "models", "groups of packages", "pipelines", "stacks"}
    assert not any(left.values()), left
