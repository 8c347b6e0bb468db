import argparse
from pathlib import Path

import numpy
import pytest

from abtest.sandbox.blazingtext.serving import Classifier
from abtest.sandbox.model_server import ClientFault
from abtest.sandbox.transform import answers, batches, transform


class OneLabel:
    def predict(self, text: str, k: int = 1) -> tuple[tuple[str], object]:
        return ("__label__A",), numpy.asarray([0.5])


LINE = b'{"source": "a"}\n'
ANSWER = b'{"label": ["__label__A"], "prob": [0.5]}\n'


def options(**values: object) -> argparse.Namespace:
    given = {"content_type": "application/jsonlines", "accept": None, "split_lines": True, "assemble_lines": True}
    return argparse.Namespace(**(given | {"batch_bytes": 0} | values))


@pytest.mark.parametrize(
    ("most_bytes", "expected"),
    [
        (0, [b"aa\n", b"bb\n", b"c"]),
        (3, [b"aa\n", b"bb\n", b"c"]),
        (6, [b"aa\nbb\n", b"c"]),
        (100, [b"aa\nbb\nc"]),
    ],
)
def test_lines_are_joined_while_they_fit(most_bytes: int, expected: list[bytes]) -> None:
    assert list(batches(b"aa\n\nbb\nc", most_bytes)) == expected


@pytest.mark.parametrize("batch_bytes", [0, 20, 1000])
def test_each_record_is_answered_on_a_line_of_its_own(batch_bytes: int) -> None:
    answered = b"".join(answers(Classifier(OneLabel()), LINE * 5, options(batch_bytes=batch_bytes)))
    assert answered == ANSWER * 5


def test_a_refused_record_is_told_with_the_servers_own_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Refusing:
        def respond(self, *_: object) -> tuple[bytes, str]:
            raise ClientFault("no table", 415)

    (tmp_path / "rows.csv").write_text("a")
    given = options(split_lines=False, input=tmp_path, output=tmp_path)
    assert not transform(Refusing(), tmp_path / "rows.csv", given)
    assert capsys.readouterr().err == "ClientError: 415: no table (rows.csv)\n"
    assert not (tmp_path / "rows.csv.out").exists()


def test_without_splitting_the_file_is_one_request() -> None:
    answered = list(answers(Classifier(OneLabel()), LINE * 3, options(split_lines=False, assemble_lines=False)))
    assert answered == [ANSWER * 3]
