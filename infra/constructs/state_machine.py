"""Makes a Step Functions machine from its committed definition."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

import workflows
from infra.constructs.arns import allow
from infra.constructs.findings import accept
from infra.constructs.function import HandlerFunction

# The committed definitions, by the machines' names.
MACHINES = {
    path.name.partition(".")[0]: path.read_text() for path in Path(workflows.__file__).parent.glob("*.asl.json")
}


def seconds_of(machine: str) -> dict[str, int]:
    """How long the machine's states wait for each of the functions that they call, by the functions' names."""
    tasks = (state for state in json.loads(MACHINES[machine])["States"].values() if "Parameters" in state)
    called = ((task["Parameters"].get("FunctionName"), task.get("TimeoutSeconds")) for task in tasks)
    return {name.removeprefix("${").removesuffix("FunctionArn}"): seconds for name, seconds in called if name}


class Workflow(Construct):
    """The committed machine `machine`, named after it; `values` are the definition's placeholders but for functions.

    A state that calls ${AcquireLeaseFunctionArn} calls the one of `functions` whose name is AcquireLease.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        prefix: str,
        machine: str,
        functions: Sequence[HandlerFunction],
        values: Mapping[str, str],
        statements: Sequence[iam.PolicyStatement],
    ) -> None:
        super().__init__(scope, name)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        role.add_to_policy(allow(["lambda:InvokeFunction"], *(function.arn for function in functions)))
        for statement in statements:
            role.add_to_policy(statement)
        self.machine = stepfunctions.StateMachine(
            self,
            "Machine",
            state_machine_name=f"{prefix}-{machine.replace('_', '-')}",
            definition_body=stepfunctions.DefinitionBody.from_string(MACHINES[machine]),
            definition_substitutions={**{f"{f.node.id}FunctionArn": f.arn for f in functions}, **values},
            role=role,
        )
        self.arn = self.machine.state_machine_arn
        accept(self.machine, "SF1", "Step Functions keeps each execution's history for 90 days; Decisions are recorded")
        accept(self.machine, "SF2", "The functions trace themselves; between them a machine only waits")
