"""Gauss-Legendre quadrature on panels of an interval, and the integrals up to its nodes."""

import functools
import math
from collections.abc import Callable
from operator import mul
from typing import NamedTuple

ORDER = 10  # nodes on a panel


class Rule(NamedTuple):
    """On -1 to 1: the nodes, their weights, and for each node the weights of the integral from it up to 1."""

    nodes: tuple[float, ...]
    weights: tuple[float, ...]
    above: tuple[tuple[float, ...], ...]


@functools.cache
def rule() -> Rule:
    nodes = tuple(_root(index) for index in range(ORDER))
    legendre = [_legendre(x) for x in nodes]
    weights = tuple(2 * (1 - x * x) / (ORDER * row[ORDER - 1]) ** 2 for x, row in zip(nodes, legendre, strict=True))
    above = tuple(
        tuple(weight * _projection(x, own, other) for weight, other in zip(weights, legendre, strict=True))
        for x, own in zip(nodes, legendre, strict=True)
    )
    return Rule(nodes, weights, above)


def integral(function: Callable[[float], float], low: float, high: float) -> float:
    """Of a smooth `function` over one panel."""
    half, middle = (high - low) / 2, (high + low) / 2
    pairs = zip(rule().nodes, rule().weights, strict=True)
    return half * math.fsum(weight * function(middle + half * x) for x, weight in pairs)


def panel_nodes(low: float, high: float) -> list[float]:
    half, middle = (high - low) / 2, (high + low) / 2
    return [middle + half * x for x in rule().nodes]


def integrals_above(values: list[float], width: float) -> list[float]:
    """From each node to the panel's upper end, of the function with `values` at the nodes."""
    half = width / 2
    return [half * sum(map(mul, weights, values)) for weights in rule().above]


def weighted_sum(values: list[float], width: float) -> float:
    """The integral over a panel of `width` of the function with `values` at its nodes."""
    return width / 2 * math.fsum(map(mul, rule().weights, values))


def _legendre(x: float) -> list[float]:
    """P_0(x) to P_ORDER(x)."""
    row = [1.0, x]
    for n in range(1, ORDER):
        row.append(((2 * n + 1) * x * row[n] - n * row[n - 1]) / (n + 1))
    return row


def _root(index: int) -> float:
    """The `index`-th root of P_ORDER, ascending, by Newton."""
    x = -math.cos(math.pi * (index + 0.75) / (ORDER + 0.5))
    for _ in range(8):
        row = _legendre(x)
        x -= row[ORDER] * (x * x - 1) / (ORDER * (x * row[ORDER] - row[ORDER - 1]))
    return x


def _projection(x: float, own: list[float], other: list[float]) -> float:
    """The integral from x to 1 of the sum of (2n + 1)/2 P_n(other) P_n, for n below ORDER."""
    total = (1 - x) / 2
    for n in range(1, ORDER):
        total += other[n] * (own[n - 1] - own[n + 1]) / 2
    return total
