"""Makes a Step Functions machine from its committed definition."""

from collections.abc import Mapping, Sequence

from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from infra.constructs.arns import allow
from infra.constructs.findings import accept


class Workflow(Construct):
    """A machine: `functions` holds the ARN of each Lambda state by name.

    `values` the definition's other placeholders.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        machine_name: str,
        definition: str,
        functions: Mapping[str, str],
        values: Mapping[str, str],
        statements: Sequence[iam.PolicyStatement],
    ) -> None:
        super().__init__(scope, name)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        role.add_to_policy(allow(["lambda:InvokeFunction"], *functions.values()))
        for statement in statements:
            role.add_to_policy(statement)
        placeholders = {f"{state}FunctionArn": arn for state, arn in functions.items()}
        self.machine = stepfunctions.StateMachine(
            self,
            "Machine",
            state_machine_name=machine_name,
            definition_body=stepfunctions.DefinitionBody.from_string(definition),
            definition_substitutions={**placeholders, **values},
            role=role,
        )
        self.arn = self.machine.state_machine_arn
        accept(self.machine, "SF1", "Step Functions keeps each execution's history for 90 days; Decisions are recorded")
        accept(self.machine, "SF2", "The functions trace themselves; between them a machine only waits")
