"""Step Functions' JSONPath: a state that reads what is not there fails, as on AWS; MiniStack reads null."""

from typing import Any

from ministack.services import stepfunctions

Json = dict[str, Any]

PARAMETER_FAILURE = "States.ParameterPathFailure"


def install() -> None:
    parameters()
    choices()
    input_and_output()


def parameters() -> None:
    """Checks Parameters, ResultSelector and ItemSelector: every member whose name ends in `.$`."""
    resolve = stepfunctions._resolve_params_obj

    def resolve_params_obj(template: Any, data: Any, context: Json | None = None) -> Any:
        for name, path in template.items() if isinstance(template, dict) else ():
            if name.endswith(".$") and isinstance(path, str) and not _exists(path, data, context):
                message = f"The JSONPath '{path}' specified for the field '{name}' could not be found in the input"
                raise stepfunctions._ExecutionError(PARAMETER_FAILURE, message)
        return resolve(template, data, context)

    stepfunctions._resolve_params_obj = resolve_params_obj


def choices() -> None:
    """Checks a Choice state's Variable, unless the rule asks whether it is there."""
    evaluate = stepfunctions._evaluate_rule

    def evaluate_rule(rule: Json, data: Any, context: Json | None = None) -> Any:
        variable = rule.get("Variable", "$")
        if "IsPresent" not in rule and not _exists(variable, data, context):
            message = f"Invalid path '{variable}': The choice state's condition path references an invalid value."
            raise stepfunctions._ExecutionError("States.Runtime", message)
        return evaluate(rule, data, context)

    stepfunctions._evaluate_rule = evaluate_rule


def input_and_output() -> None:
    """Checks InputPath and OutputPath."""
    for field, function in (("InputPath", "_apply_input_path"), ("OutputPath", "_apply_output_path")):
        setattr(stepfunctions, function, _checked(field, getattr(stepfunctions, function)))


def _checked(field: str, apply: Any) -> Any:
    def checked(state: Json, data: Any, context: Json | None = None) -> Any:
        path = state.get(field) or "$"
        if not _exists(path, data, context):
            raise stepfunctions._ExecutionError("States.Runtime", f"Invalid path '{path}' in {field}")
        return apply(state, data, context)

    return checked


def _exists(path: str, data: Any, context: Json | None) -> bool:
    """Says whether a path of fields and indices leads to a value, null included; other paths are not judged."""
    if path.startswith("$$."):
        return context is None or _leads_to_value(path[1:], context)
    return not path.startswith("$") or _leads_to_value(path, data)


def _leads_to_value(path: str, value: Any) -> bool:
    for kind, key in stepfunctions._parse_jsonpath_tokens(path) or ():
        if kind == "wildcard":
            return True
        found = isinstance(value, dict) and key in value if kind == "field" else _has_index(value, key)
        if not found:
            return False
        value = value[key]
    return True


def _has_index(value: Any, index: int) -> bool:
    return isinstance(value, list) and index < len(value)
