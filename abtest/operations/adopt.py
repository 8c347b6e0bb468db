"""Endpoints beside the stage's own take part in tests: what they serve against their experiment, and what follows.

It never matters what was heard, or how often: the endpoint as it is now says what to do.
"""

import contextlib
import dataclasses
import datetime
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from abtest.adapters import adopted_endpoints, leases
from abtest.adapters.endpoint_description import DELETING, IN_SERVICE, EndpointDescription, describe
from abtest.adapters.experiments_table import ExperimentsTable, apply, begin, resume, retire
from abtest.adapters.table import Write
from abtest.experiment.record.config import ExperimentConfig
from abtest.experiment.record.endpoint_tags import EndpointTags
from abtest.experiment.record.experiment import Experiment
from abtest.experiment.record.plan import Plan, PlannedVariant
from abtest.operations import hold_lease
from abtest.operations.register import changed, new_experiment

FEWEST_VARIANTS = 2
PATIENCE_SECONDS = 20.0  # for the lease; another execution holds it for a second or two


class AdoptionError(Exception):
    """The endpoint cannot take part, or not so; the message says why and what to do."""


@dataclasses.dataclass(frozen=True)
class Adoption:
    """What became of it: `change` is begun, resumed, changed, retired or none; `reason` is a sentence."""

    endpoint_name: str
    experiment_id: str | None
    change: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Adopter:
    """Brings experiments in line with endpoints.

    `execution` is who holds the lease. Each method raises DescriptionError and, if others write too, StaleError.
    """

    table: ExperimentsTable
    config: ExperimentConfig
    execution: str

    @property
    def _settings(self) -> ExperimentConfig:
        """The stage's, without canaries: the alarms that end one are build-endpoint's."""
        return dataclasses.replace(self.config, canary=None)

    def follow(self, endpoint_name: str, now: datetime.datetime) -> Adoption:
        """After a change of the endpoint, of which somebody heard. Raises ConfigError, naming the wrong tag."""
        if endpoint_name == self.config.endpoint_name or not endpoint_name.startswith(self.config.endpoint_prefix):
            return Adoption(endpoint_name, None, "none", "It is the stage's own endpoint, or another project's.")
        if self.table.current(endpoint_name) is None and not self._invites(describe(endpoint_name)):
            return Adoption(endpoint_name, None, "none", "It has no experiment, and no tags that ask for one.")
        with self._lease(endpoint_name):
            endpoint, running = describe(endpoint_name), self.table.current(endpoint_name)
            if endpoint is None or endpoint.status == DELETING:
                return self._retired(endpoint_name, running, None, now, "The endpoint is deleted.")
            if endpoint.status != IN_SERVICE:
                return Adoption(endpoint_name, None, "none", f"It is {endpoint.status}: the next event follows.")
            if len(endpoint.variants) < FEWEST_VARIANTS and not (running and _continued(endpoint, running)):
                return self._retired(endpoint_name, running, None, now, "It serves one variant, not the champion.")
            return self._tested(endpoint, running, EndpointTags.read(endpoint.tags, self.config.stage_name), now)

    def _invites(self, endpoint: EndpointDescription | None) -> bool:
        """Whether an endpoint without an experiment asks for one, and was not retired by hand since it was made."""
        if endpoint is None or endpoint.status != IN_SERVICE:
            return False
        tags = EndpointTags.read(endpoint.tags, self.config.stage_name)
        return (
            tags.enabled
            and adopted_endpoints.retired_by_hand(self.table, endpoint.endpoint_name) != endpoint.created_at
        )

    def adopt(
        self, endpoint_name: str, now: datetime.datetime, *, champion: str | None, settings: Mapping[str, Any]
    ) -> Adoption:
        """By hand; `champion` and `settings` come before its tags. Raises AdoptionError, ConfigError."""
        self._refuse_name(endpoint_name)
        with self._lease(endpoint_name):
            endpoint = describe(endpoint_name)
            if endpoint is None or endpoint.status != IN_SERVICE:
                state = "does not exist" if endpoint is None else f"is {endpoint.status}"
                raise AdoptionError(f"the endpoint {endpoint_name} {state}: it must be {IN_SERVICE} to be adopted")
            running = self.table.current(endpoint_name)
            if running is None and len(endpoint.variants) < FEWEST_VARIANTS:
                raise AdoptionError(
                    f"{endpoint_name} has one variant only, {endpoint.variants[0].variant_name}: "
                    "a test needs two; update the endpoint first"
                )
            _refuse_changes(endpoint, running, champion, settings)
            tags = EndpointTags.read(endpoint.tags, self.config.stage_name)
            wanted = dataclasses.replace(
                tags, champion=champion or tags.champion, settings={**tags.settings, **settings}
            )
            return self._tested(endpoint, running, wanted, now)

    def retire(self, endpoint_name: str, now: datetime.datetime) -> Adoption:
        """By hand: an event adopts it again only after it was made anew. Raises AdoptionError."""
        self._refuse_name(endpoint_name)
        with self._lease(endpoint_name):
            endpoint, running = describe(endpoint_name), self.table.current(endpoint_name)
            if running is None and not self.table.past(endpoint_name):
                raise AdoptionError(f"{endpoint_name} takes no part in a test, and never did")
            by_hand = endpoint.created_at if endpoint else None
            return self._retired(endpoint_name, running, by_hand, now, "It was retired by hand.")

    def _refuse_name(self, endpoint_name: str) -> None:
        if endpoint_name == self.config.endpoint_name:
            raise AdoptionError(f"{endpoint_name} is the stage's own endpoint, which build-endpoint looks after")
        if not endpoint_name.startswith(self.config.endpoint_prefix):
            raise AdoptionError(
                f"{endpoint_name}: only endpoints whose names begin with {self.config.endpoint_prefix} can take part; "
                "the API serves no others"
            )

    @contextlib.contextmanager
    def _lease(self, endpoint_name: str) -> Iterator[None]:
        end = time.monotonic() + PATIENCE_SECONDS
        while not hold_lease.ask(self.table, endpoint_name, self.execution, time.time()):
            if time.monotonic() > end:
                hold_lease.release(self.table, endpoint_name, self.execution)
                raise AdoptionError(f"another execution is changing {endpoint_name}: try again")
            time.sleep(0.5)
        try:
            yield
        finally:
            hold_lease.release(self.table, endpoint_name, self.execution)

    def _tested(
        self, endpoint: EndpointDescription, running: Experiment | None, wanted: EndpointTags, now: datetime.datetime
    ) -> Adoption:
        """The running experiment goes on, or a past one of the same champion does, or a new one begins."""
        name = endpoint.endpoint_name
        plan = running and _continued(endpoint, running)
        if running and plan:
            after, decision = changed(running, plan, self._settings, now)
            if decision:
                self._write(name, apply(after, decision, before=running, execution=self.execution))
            what = "changed" if decision else "none"
            return Adoption(name, running.experiment_id, what, f"It serves {', '.join(plan.packages)}.")
        for past in sorted(self.table.past(name), key=lambda experiment: experiment.started_at, reverse=True):
            plan = _continued(endpoint, past)
            if plan and wanted.champion in (None, past.variants[0].variant_name):
                again = dataclasses.replace(past, settings=dataclasses.replace(past.settings, **wanted.settings))
                after, decision = changed(again, plan, self._settings, now)
                writes = resume(after, decision, before=running, execution=self.execution)
                self._write(name, [*writes, adopted_endpoints.put(name, live=True)])
                return Adoption(name, past.experiment_id, "resumed", "It serves again what it tested before.")
        return self._begun(endpoint, running, wanted, now)

    def _begun(
        self, endpoint: EndpointDescription, before: Experiment | None, wanted: EndpointTags, now: datetime.datetime
    ) -> Adoption:
        plan, name = _plan(endpoint, wanted.champion or endpoint.variants[0].variant_name), endpoint.endpoint_name
        counter = self.table.counter(name, plan.champion_version) + 1
        experiment = new_experiment(
            plan,
            dataclasses.replace(self._settings, **wanted.settings),
            # Differs between endpoints: what users are assigned is kept by it.
            f"{name}-v{plan.champion_version}-{counter}",
            name,
            now,
        )
        writes = begin(experiment, counter=counter, before=before)
        self._write(name, [*writes, adopted_endpoints.put(name, live=True)])
        return Adoption(name, experiment.experiment_id, "begun", f"{', '.join(plan.packages)} are on trial.")

    def _retired(
        self,
        endpoint_name: str,
        running: Experiment | None,
        by_hand: str | None,
        now: datetime.datetime,
        reason: str,
    ) -> Adoption:
        if running or by_hand:
            writes = retire(running, now) if running else []
            self._write(endpoint_name, [*writes, adopted_endpoints.put(endpoint_name, live=False, by_hand=by_hand)])
        if running is None:
            return Adoption(endpoint_name, None, "none", reason)
        return Adoption(endpoint_name, running.experiment_id, "retired", reason)

    def _write(self, endpoint_name: str, writes: Sequence[Write]) -> None:
        """Raises StaleError, also if another execution has taken over the lease."""
        self.table.transact([leases.check(endpoint_name, self.execution), *writes])


def _refuse_changes(
    endpoint: EndpointDescription, running: Experiment | None, champion: str | None, settings: Mapping[str, Any]
) -> None:
    """A running experiment keeps its champion and settings. Raises AdoptionError."""
    if running is None or _continued(endpoint, running) is None:
        return
    now = {"champion": running.variants[0].variant_name} | {key: getattr(running.settings, key) for key in settings}
    wanted = {**settings, **({"champion": champion} if champion else {})}
    for key, value in wanted.items():
        if value != now[key]:
            raise AdoptionError(
                f"{running.experiment_id} runs with the {key} {now[key]}: retire {endpoint.endpoint_name} first "
                f"(abtest retire), then adopt it with {value}"
            )


def _plan(endpoint: EndpointDescription, champion: str, known: Collection[str] = ()) -> Plan:
    """The champion first, then the others in their order; `known` are on trial already. Raises AdoptionError."""
    names = [variant.variant_name for variant in endpoint.variants]
    if champion not in names:
        raise AdoptionError(f"ab-testing:champion: {champion} is no variant of the endpoint; it has {', '.join(names)}")
    for variant in endpoint.variants:
        if variant.initial_weight <= 0 and variant.variant_name not in known:
            raise AdoptionError(
                f"{variant.variant_name} has the weight 0: what gets no traffic cannot be tested; give it some first"
            )
    first = next(variant for variant in endpoint.variants if variant.variant_name == champion)
    return Plan(_version(first), (first, *(variant for variant in endpoint.variants if variant is not first)))


def _version(champion: PlannedVariant) -> int:
    """Of the champion's package; 0 for a model that was made from none."""
    version = champion.model_package_arn.rpartition("/")[2]
    return int(version) if ":model-package/" in champion.model_package_arn and version.isdecimal() else 0


def _continued(endpoint: EndpointDescription, experiment: Experiment) -> Plan | None:
    """The endpoint's variants with the experiment's champion; None if it does not go on with them.

    It does if the champion is the same model under the same name, and no other name stands for another model now.
    """
    known = experiment.packages
    given = {variant.variant_name: variant.model_package_arn for variant in endpoint.variants}
    champion = experiment.variants[0].variant_name
    if champion not in given or any(known.get(name, model) != model for name, model in given.items()):
        return None
    return _plan(endpoint, champion, known)
