"""Computes one period of CloudWatch's metric math: + - * / and comparisons of metrics and numbers, IF, FILL.

As on AWS an operation with a missing value, or a division by 0, has no value; AWS knows many more functions.
"""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence

Values = Mapping[str, float | None]

ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
COMPARISONS: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
FUNCTIONS = {"IF": 3, "FILL": 2}  # and how many arguments each takes


def check(expressions: Sequence[str]) -> None:
    """Raises ValueError for metric math that the sandbox does not know, naming it."""
    for expression in expressions:
        try:
            _check(ast.parse(expression, mode="eval").body)
        except SyntaxError:
            raise ValueError(f"Metrics: {expression} is no expression.") from None


def _check(node: ast.expr) -> None:
    match node:
        case ast.Constant(value=int() | float()) | ast.Name():
            return
        case ast.BinOp(left, op, right) if type(op) in ARITHMETIC:
            parts = [left, right]
        case ast.Compare(left, [op], [right]) if type(op) in COMPARISONS:
            parts = [left, right]
        case ast.Call(ast.Name(name), parts) if FUNCTIONS.get(name) == len(parts):
            pass
        case _:
            raise ValueError(f"Metrics: the sandbox's metric math does not know {ast.unparse(node)}.")
    for part in parts:
        _check(part)


def value(expression: str, values: Values) -> float | None:
    """Computes the expression of one period, in which each metric has its value; None where it has none."""
    return _value(ast.parse(expression, mode="eval").body, values)


def _value(node: ast.expr, values: Values) -> float | None:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(name):
            return values.get(name)
        case ast.BinOp(left, op, right):
            return _applied(ARITHMETIC[type(op)], _value(left, values), _value(right, values))
        case ast.Compare(left, [op], [right]):
            return _applied(COMPARISONS[type(op)], _value(left, values), _value(right, values))
        case ast.Call(ast.Name("FILL"), [part, other]):
            found = _value(part, values)
            return _value(other, values) if found is None else found
        case ast.Call(ast.Name("IF"), [condition, yes, no]):
            chosen = _value(condition, values)
            return None if chosen is None else _value(yes if chosen else no, values)
    raise ValueError(f"Metrics: the sandbox's metric math does not know {ast.unparse(node)}.")


def _applied(function: Callable[[float, float], float], left: float | None, right: float | None) -> float | None:
    if left is None or right is None:
        return None
    try:
        return float(function(left, right))
    except ZeroDivisionError:
        return None
