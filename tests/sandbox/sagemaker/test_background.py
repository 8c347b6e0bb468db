import logging
import threading

import pytest
from ministack.core.responses import get_region, request_scope

from abtest.sandbox.sagemaker import background


def test_a_thread_works_in_its_starters_region() -> None:
    seen: list[str] = []
    with request_scope("000000000000", "eu-west-1"):
        thread = background.spawn(lambda: seen.append(get_region()))
    thread.join()
    assert seen == ["eu-west-1"]
    assert thread.daemon


def test_an_exception_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        background.spawn(int, "no number").join()
    assert "int failed" in caplog.text
    assert "invalid literal" in caplog.text


def test_a_stop_waits_and_names_who_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "stopping", threading.Event())
    never = threading.Event()
    ending = background.spawn(background.stopping.wait)
    stuck = background.spawn(never.wait)
    assert background.stop(0.2) == ["Event.wait"]
    assert not ending.is_alive() and stuck.is_alive()
    never.set()
    stuck.join()
    assert background.stop(0.2) == []
