"""Applies a Decision: it and the experiment after it are written together, once."""

from abtest.adapters.experiments_table import ExperimentsTable, apply
from abtest.experiment.record.decision import Decision, after, follows


def record_decision(table: ExperimentsTable, decision: Decision, *, execution: str) -> bool:
    """Whether the Decision is applied, now or by this execution before; False if another one was applied first."""
    before = table.current(decision.endpoint_name)
    if before is None or not follows(decision, before):
        return table.writer(decision) == execution
    writes = apply(after(before, decision), decision, before=before, execution=execution)
    return table.attempt(writes) or table.writer(decision) == execution
