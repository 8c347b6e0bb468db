"""Checks the JSON types of what a definition is made of; null stands for an absent member, as the SDK writes it."""

from typing import Any

Form = dict[str, tuple[type, ...]]

NUMBER = (int, float)

DEFINITION: Form = {"Parameters": (list,), "Steps": (list,), "PipelineExperimentConfig": (dict,)}
PARAMETER: Form = {"Name": (str,), "Type": (str,), "EnumValues": (list,)}
STEP: Form = {
    "Name": (str,),
    "Type": (str,),
    "Arguments": (dict,),
    "DependsOn": (list,),
    "DisplayName": (str,),
    "Description": (str,),
    "PropertyFiles": (list,),
    "RetryPolicies": (list,),
    "CacheConfig": (dict,),
}
BRANCHES: Form = {"Conditions": (list,), "IfSteps": (list,), "ElseSteps": (list,)}
PROPERTY_FILE: Form = {"PropertyFileName": (str,), "OutputName": (str,), "FilePath": (str,)}
RETRY_POLICY: Form = {
    "ExceptionType": (list,),
    "IntervalSeconds": NUMBER,
    "BackoffRate": NUMBER,
    "MaxAttempts": (int,),
    "ExpireAfterMin": NUMBER,
}
CONDITION: Form = {"Type": (str,), "Values": (list,), "Conditions": (list,)}

_WORDS = {list: "a list", dict: "an object", str: "a string", int: "a number", float: "a number"}


def problem(document: Any, form: Form, *, required: tuple[str, ...] = ()) -> str | None:
    """Returns what is wrong with the types of the members of one JSON object, None if nothing."""
    if not isinstance(document, dict):
        return "Expecting start of Json Object"
    for name in required:
        if document.get(name) is None:
            return f"{name} is missing"
    wrong = (name for name, types in form.items() if not _fits(document.get(name), types))
    return next((f"{name} must be {_WORDS[form[name][0]]}" for name in wrong), None)


def problem_of_each(documents: list[Any] | None, form: Form, *, required: tuple[str, ...] = ()) -> str | None:
    """Returns the first problem of the objects in a list."""
    return next(filter(None, (problem(one, form, required=required) for one in documents or [])), None)


def _fits(value: Any, types: tuple[type, ...]) -> bool:
    return value is None or (isinstance(value, types) and not isinstance(value, bool))
