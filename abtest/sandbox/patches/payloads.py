"""Step Functions limits what states pass on, and two errors are caught by no `States.ALL`.

MiniStack passes anything on, and lets a Catch or a Retry have every error.
"""

import json
from typing import Any

from ministack.services import stepfunctions

Json = dict[str, Any]

MOST_BYTES = 262_144  # of the input, the result and the output of a state, as UTF-8
TOO_LARGE, RUNTIME = "States.DataLimitExceeded", "States.Runtime"
STEPS = ("_apply_parameters", "_apply_result_selector", "_apply_result_path", "_apply_output_path")


def install() -> None:
    for step in STEPS:
        setattr(stepfunctions, step, _limited(getattr(stepfunctions, step)))
    selector = stepfunctions._apply_result_selector
    stepfunctions._apply_result_selector = lambda state, data: selector(state, _checked(data))
    matches = stepfunctions._error_matches

    def error_matches(wanted: list[str], error: str) -> bool:
        return error in wanted if error == TOO_LARGE else error != RUNTIME and bool(matches(wanted, error))

    stepfunctions._error_matches = error_matches


def _limited(apply: Any) -> Any:
    return lambda *arguments: _checked(apply(*arguments))


def _checked(data: Any) -> Any:
    size = len(json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=str).encode(errors="replace"))
    if size > MOST_BYTES:
        message = f"A state has data of {size} bytes: more than the maximum of {MOST_BYTES} bytes."
        raise stepfunctions._ExecutionError(TOO_LARGE, message)
    return data
