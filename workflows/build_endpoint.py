"""build-endpoint makes the endpoint serve what the registry says, and registers the experiment.

After that, what earlier deployments left and nobody uses is deleted.

Started by every approval of a model package, and by hand with `{}`. The input is not read: the machine is
level-triggered. It takes a lease, waits while the endpoint changes, selects from the registry anew, and ends
at once if that is deployed already.
"""

from typing import Any

from workflows.fields import Chain, Graph, Map, Pass, Rule, State, Succeed, Task, Wait
from workflows.tasks import (
    ENDPOINT,
    IN_FLUX,
    catch,
    choice,
    describe_endpoint,
    endpoint_failed,
    endpoint_is,
    failure,
    function,
    retry,
    sagemaker,
    wait,
)

TIMEOUT_SECONDS = 5 * 24 * 3600  # a shadow is judged after three days at the latest
SHADOW_SECONDS = 300  # between two looks at a shadow, of 16 events each: an execution can have 25,000
COMPARE_SECONDS = 600  # reads what was captured
EXECUTION = {"execution.$": "$$.Execution.Id"}
TARGET = ENDPOINT | {"EndpointConfigName.$": "$.selection.endpoint_config_name"}
SELECTION = (
    *("action", "reason", "endpoint_config_name", "models", "production_variants", "experiment"),
    *("in_shadow", "shadow", "shadow_variants", "data_capture"),
)


def build_endpoint() -> Graph:
    """Builds the whole machine."""
    release = function("ReleaseLease", payload=EXECUTION, result=["released"], slot="$.release", on_error=None)
    give_up = _give_up()
    acquire = _lease("AcquireLease", give_up)
    shadow = _shadow(acquire)
    release.add_catch(catch(shadow, slot="$.release_error"))  # the lease ends by itself soon
    release.next(shadow)
    look = wait("WaitForEndpoint")
    look.next(acquire)  # which renews the lease
    register = _register(give_up)
    register.next(_clean_up(release))
    alarms = _alarms(register, give_up)
    deploy = _deploy(acquire, alarms, look, give_up)
    delete = _delete_failed_endpoint(look, give_up)
    select = _select(give_up)
    select.next(_action(deploy, alarms, delete, release))
    describe = _describe(select)
    describe.next(choice("EndpointSettled", [(endpoint_is(*IN_FLUX), look)], default=select))
    hold = wait("WaitForLease")
    hold.next(acquire)
    acquire.next(choice("LeaseAcquired", [(Rule.BooleanEquals("$.lease.acquired", True), describe)], default=hold))
    return Graph(acquire, comment="Approved model packages -> endpoint -> experiment", timeout_seconds=TIMEOUT_SECONDS)


def _lease(state: str, give_up: State) -> Task:
    """Takes the lease, or renews it; `$.lease.acquired` says whether this execution holds it."""
    return function(
        state, name="AcquireLease", payload=EXECUTION, result=["acquired"], slot="$.lease", on_error=give_up
    )


def _give_up() -> Task:
    """Releases the lease and fails with what `$.error` holds."""
    failed = failure("Failed")
    release = function(
        "ReleaseLeaseAfterFailure",
        name="ReleaseLease",
        payload=EXECUTION,
        result=["released"],
        slot="$.release",
        on_error=None,
    )
    release.add_catch(catch(failed, slot="$.release_error"))
    release.next(failed)
    return release


def _shadow(acquire: State) -> State:
    """Waits, without the lease, while a challenger is in shadow, and looks anew once it is judged.

    Another deployment ends the wait: its own execution sees to the rest.
    """
    done = Succeed("Done")
    failed = failure("ShadowFailed")
    pause = Wait("WaitForShadow", seconds=SHADOW_SECONDS)
    seen = describe_endpoint("PollShadow", on_error=catch(failed))
    compare = function(
        "CompareShadow",
        payload={"shadow.$": "$.selection.shadow"},
        result=["judged", "message"],
        slot="$.compared",
        on_error=failed,
        timeout_seconds=COMPARE_SECONDS,
    )
    same = Rule.And(
        [
            Rule.IsPresent("$.endpoint.EndpointConfigName", True),
            Rule.StringEqualsPath("$.endpoint.EndpointConfigName", "$.selection.endpoint_config_name"),
        ]
    )
    judged = Rule.BooleanEquals("$.compared.judged", True)
    Chain([pause, seen, choice("StillInShadow", [(same, compare)], default=done)])
    compare.next(choice("ShadowJudged", [(judged, acquire)], default=pause))
    return choice("InShadow", [(Rule.BooleanEquals("$.selection.in_shadow", True), compare)], default=done)


def _describe(select: State) -> Task:
    """Describes the endpoint, also one that is missing: SageMaker has no error of its own for that."""
    missing = Pass(
        "NoEndpoint", result={"EndpointStatus": "Missing", "EndpointConfigName": ""}, result_path="$.endpoint"
    )
    missing.next(select)
    return describe_endpoint("DescribeEndpoint", on_error=catch(missing, slot="$.missing"), attempts=1)


def _select(give_up: State) -> Task:
    payload = {"endpoint.$": "$.endpoint"}
    return function("SelectVariants", payload=payload, result=SELECTION, slot="$.selection", on_error=give_up)


def _action(deploy: State, serves: State, delete: State, release: State) -> State:
    def action(name: str) -> Any:
        return Rule.StringEquals("$.selection.action", name)

    rules = [(action("nothing"), release), (action("register"), serves), (action("replace"), delete)]
    return choice("NextAction", rules, default=deploy)


def _delete_failed_endpoint(look: State, give_up: State) -> Task:
    """Deletes a Failed endpoint, which serves nobody: SageMaker allows nothing else."""
    delete = sagemaker(
        "DeleteFailedEndpoint", "deleteEndpoint", dict(ENDPOINT), slot="$.deletion", on_error=catch(give_up)
    )
    delete.next(look)
    return delete


def _alarms(register: State, give_up: State) -> Task:
    """Makes the alarms before the experiment sends anybody: no challenger serves unwatched."""
    payload = {"experiment.$": "$.selection.experiment"}
    alarms = function("SetAlarms", payload=payload, result=["alarms"], slot="$.alarms", on_error=give_up)
    alarms.next(register)
    return alarms


def _register(give_up: State) -> Task:
    members = {f"{name}.$": f"$.selection.{name}" for name in ("experiment", "endpoint_config_name")}
    result = ["experiment_id", "change"]
    return function(
        "RegisterExperiment", payload=EXECUTION | members, result=result, slot="$.registration", on_error=give_up
    )


def _clean_up(release: State) -> Task:
    """Deletes what earlier deployments left. If that fails, the endpoint still serves as it should."""
    state = function("CleanUp", payload=EXECUTION, result=["deleted"], slot="$.clean_up", on_error=None)
    state.add_catch(catch(release, slot="$.clean_up_error"))
    state.next(release)
    return state


def _deploy(acquire: State, serves: State, look: State, give_up: State) -> State:
    """Makes models, endpoint config and endpoint, and waits for it. `serves` follows once it serves this."""
    poll = wait("WaitForDeployment")
    renew = _lease("RenewLease", give_up)
    seen = describe_endpoint("PollEndpoint", on_error=catch(give_up))
    Chain([poll, renew, seen, _deployment_state(poll, acquire, serves, give_up)])
    models = _create_models(give_up)
    create, update = (_change(name, look, poll, give_up) for name in ("CreateEndpoint", "UpdateEndpoint"))
    config, shadowed = _create_config(give_up), _create_shadow_config(give_up)
    with_shadow = Rule.BooleanEquals("$.selection.in_shadow", True)
    kind = choice("WithShadow", [(with_shadow, shadowed)], default=config)
    stale = sagemaker(
        "DeleteStaleEndpointConfig",
        "deleteEndpointConfig",
        {"EndpointConfigName.$": "$.selection.endpoint_config_name"},
        slot="$.deletion",
        on_error=catch(kind, slot="$.missing"),
        attempts=1,
    )
    is_create = Rule.StringEquals("$.selection.action", "create")
    Chain([models, stale, kind])
    made = choice("CreateOrUpdate", [(is_create, create)], default=update)
    config.next(made)
    shadowed.next(made)
    return models


def _create_models(give_up: State) -> Map:
    """Creates models, named by a digest of all that they are made of: one that exists is the right one."""
    refused = failure("ModelRefused", slot="$.refusal")
    exists = sagemaker(
        "DescribeModel",
        "describeModel",
        {"ModelName.$": "$.name"},
        slot="$.model",
        on_error=catch(refused, slot="$.missing"),
        attempts=1,
    )
    parameters = {
        "ModelName.$": "$.name",
        "ExecutionRoleArn": "${ModelExecutionRoleArn}",
        "PrimaryContainer": {"ModelPackageName.$": "$.package_arn"},
    }
    create = sagemaker(
        "CreateModel", "createModel", parameters, slot="$.model", on_error=catch(exists, slot="$.refusal"), attempts=1
    )
    return Map(
        "CreateModels",
        create,
        items_path="$.selection.models",
        max_concurrency=2,
        result_path="$.models",
        retry=retry(attempts=1),
        catch=catch(give_up),
    )


def _create_shadow_config(give_up: State) -> Task:
    """Sends copies of the champion's requests to the challenger, and captures what both answer."""
    parameters = {
        "EndpointConfigName.$": "$.selection.endpoint_config_name",
        "ProductionVariants.$": "$.selection.production_variants",
        "ShadowProductionVariants.$": "$.selection.shadow_variants",
        "DataCaptureConfig.$": "$.selection.data_capture",
    }
    return sagemaker("CreateShadowConfig", "createEndpointConfig", parameters, slot="$.config", on_error=catch(give_up))


def _create_config(give_up: State) -> Task:
    """Makes the config anew for each deployment: one of the same name could hold weights of an earlier day."""
    parameters = {
        "EndpointConfigName.$": "$.selection.endpoint_config_name",
        "ProductionVariants.$": "$.selection.production_variants",
    }
    return sagemaker(
        "CreateEndpointConfig", "createEndpointConfig", parameters, slot="$.config", on_error=catch(give_up)
    )


def _change(state: str, look: State, poll: State, give_up: State) -> Task:
    """Creates or updates the endpoint. If that is refused because it changes already, it is looked at anew."""
    describe = describe_endpoint(f"DescribeAfter{state}", on_error=catch(give_up, slot="$.describe_error"))
    describe.next(choice(f"{state}Refused", [(endpoint_is(*IN_FLUX), look)], default=give_up))
    action = state[0].lower() + state[1:]
    change = sagemaker(state, action, dict(TARGET), slot="$.change", on_error=catch(describe))
    change.next(poll)
    return change


def _deployment_state(poll: State, acquire: State, serves: State, give_up: State) -> State:
    ours = Rule.And(
        [
            endpoint_is("InService"),
            Rule.IsPresent("$.endpoint.EndpointConfigName", True),
            Rule.StringEqualsPath("$.endpoint.EndpointConfigName", "$.selection.endpoint_config_name"),
        ]
    )
    rules = [
        (Rule.BooleanEquals("$.lease.acquired", False), acquire),
        (endpoint_is(*IN_FLUX), poll),
        (ours, serves),
    ]
    return choice("DeploymentState", rules, default=endpoint_failed(give_up))
