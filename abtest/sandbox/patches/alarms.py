"""CloudWatch alarms: AWS evaluates each about once a minute, by its exact dimensions, over whole periods.

MiniStack mixes the dimensions of a metric, drops metric math, evaluates only when data is put, and sends no event. Here
every alarm is evaluated every second, and the period that is still running counts as soon as it has data: an alarm
rises within a second of the data that it needs, on AWS within minutes. Metric math is what `metric_math` knows. A
change of state sends *CloudWatch Alarm State Change*, as on AWS, also where SetAlarmState makes it.
"""

import contextvars
import json
import operator
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import cloudwatch, eventbridge

from abtest.sandbox.patches import metric_math

Json = dict[str, Any]
Series = dict[int, float]

SECONDS = 1.0  # between two evaluations; 60 on AWS
SINGLE = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions", "Unit")
BREACHES: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


def install() -> None:
    assert callable(cloudwatch._evaluate_alarm) and callable(cloudwatch._record_history)
    cloudwatch._evaluate_alarm = evaluate
    put, record = cloudwatch._put_metric_alarm, cloudwatch._record_history

    def put_metric_alarm(params: Json, data: Json, is_cbor: bool, is_json: bool = False) -> Any:
        queries = data.get("Metrics") or []
        try:
            metric_math.check([query["Expression"] for query in queries if query.get("Expression")])
        except ValueError as error:
            return cloudwatch._error("ValidationError", str(error), 400, use_json=is_json, use_cbor=is_cbor)
        answer = put(params, data, is_cbor, is_json)
        if queries and data["AlarmName"] in cloudwatch._alarms:
            kept = cloudwatch._alarms[data["AlarmName"]]
            cloudwatch._alarms[data["AlarmName"]] = {k: v for k, v in kept.items() if k not in SINGLE} | {
                "Metrics": queries
            }
        return answer

    def record_history(name: str, old: str, new: str, reason: str, *rest: Any, **named: Any) -> None:
        record(name, old, new, reason, *rest, **named)
        if old != new:
            _send(name, old, new, reason)

    cloudwatch._put_metric_alarm, cloudwatch._record_history = put_metric_alarm, record_history


def start() -> None:
    """Begins to evaluate alarms. EventBridge's targets need the port, so it must answer."""
    threading.Thread(target=contextvars.copy_context().run, args=(_run,), name="alarms", daemon=True).start()


def _run() -> None:
    while True:
        time.sleep(SECONDS)
        for (account, region, name), alarm in list(cloudwatch._alarms._data.items()):
            with request_scope(account, region):
                try:
                    evaluate(alarm)
                except Exception:
                    cloudwatch.logger.exception("alarm %s", name)


def evaluate(alarm: Json) -> None:
    """Puts the alarm into the state that its last periods say, missing data treated as it wants."""
    queries = alarm.get("Metrics") or [_query(alarm)]
    period = next((int(query["MetricStat"]["Period"]) for query in queries if query.get("MetricStat")), None)
    if period is None:
        return
    count = int(alarm.get("EvaluationPeriods") or 1)
    running = int(time.time() // period * period)
    values = _values(queries, period, [running - period * back for back in range(count + 1)])
    last = running if running in values else running - period
    times = [last - period * back for back in range(count)]
    state = _state(alarm, [values.get(time_) for time_ in times])
    if state == alarm["StateValue"]:
        return
    found = [round(values[time_], 6) for time_ in times if time_ in values]
    reason = f"Threshold Crossed: datapoints {found} of {count} periods against the threshold {alarm['Threshold']:g}."
    old = alarm["StateValue"]
    alarm.update(StateValue=state, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
    cloudwatch._record_history(alarm["AlarmName"], old, state, reason)
    cloudwatch._dispatch_alarm_actions(alarm, old, state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def _query(alarm: Json) -> Json:
    """Writes an alarm on one metric as a query."""
    if not alarm.get("MetricName"):
        return {}
    metric = {name: alarm.get(name) for name in ("Namespace", "MetricName", "Dimensions")}
    stat = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    return {"Id": "m", "MetricStat": {"Metric": metric, "Period": alarm.get("Period") or 60, "Stat": stat}}


def _values(queries: list[Json], period: int, times: list[int]) -> Series:
    """Returns the alarm's own series, which is that of the query that returns data."""
    series = {q["Id"]: _series(q["MetricStat"], period, min(times)) for q in queries if q.get("MetricStat")}
    for query in queries:
        if query.get("Expression"):
            expression = query["Expression"]
            known = [(t, {name: one.get(t) for name, one in series.items()}) for t in times]
            found = {t: metric_math.value(expression, values) for t, values in known}
            series[query["Id"]] = {t: value for t, value in found.items() if value is not None}
    returned = next(query["Id"] for query in queries if query.get("ReturnData", True))
    return series[returned]


def _series(stat: Mapping[str, Any], period: int, since: int) -> Series:
    metric = stat["Metric"]
    dimensions = cloudwatch._dims_from_list(metric.get("Dimensions") or [])
    key = (metric["Namespace"], metric["MetricName"], cloudwatch._dims_key(dimensions))
    periods: dict[int, list[Json]] = {}
    for point in list(cloudwatch._metrics.get(key) or ()):
        if point["Timestamp"] >= since:
            periods.setdefault(int(point["Timestamp"] // period * period), []).append(point)
    found = {t: cloudwatch._stat_value(cloudwatch._calc_stats(p), stat["Stat"], p) for t, p in periods.items()}
    return {t: value for t, value in found.items() if value is not None}


def _state(alarm: Json, values: list[float | None]) -> str:
    """Returns ALARM if enough of the periods breach; missing ones count as the alarm says."""
    missing = alarm.get("TreatMissingData") or "missing"
    if not any(value is not None for value in values) and missing in ("missing", "ignore"):
        return str(alarm["StateValue"]) if missing == "ignore" else "INSUFFICIENT_DATA"
    breaches = BREACHES[alarm["ComparisonOperator"]]
    hits = [missing == "breaching" if v is None else breaches(v, float(alarm["Threshold"])) for v in values]
    return "ALARM" if sum(hits) >= int(alarm.get("DatapointsToAlarm") or len(values)) else "OK"


def _send(name: str, old: str, new: str, reason: str) -> None:
    alarm = cloudwatch._alarms.get(name) or cloudwatch._composite_alarms.get(name) or {}
    detail = {
        "alarmName": name,
        "state": {"value": new, "reason": reason, "timestamp": cloudwatch._ts_iso(time.time())},
        "previousState": {"value": old},
        "configuration": {"description": alarm.get("AlarmDescription", "")},
    }
    entry = {
        "Source": "aws.cloudwatch",
        "DetailType": "CloudWatch Alarm State Change",
        "Detail": json.dumps(detail),
        "Resources": [alarm.get("AlarmArn", "")],
    }
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
