"""One project's machines in the sandbox, without the CDK: functions from a zip, a rule, a bucket, a table."""

import functools
import gzip
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

from abtest.cli.stage import lambda_asset
from tests.conftest import Sandbox, wait_for
from tests.sandbox.functions import ROLE, ended
from tests.sandbox.sagemaker.artefacts import IMAGE, failing_tar, model_tar
from tests.workflows.machine import functions
from workflows.definitions import MACHINES, text

ROOT = Path(__file__).parent.parent.parent


@functools.cache
def code() -> bytes:
    """A Lambda asset of our own modules; the sandbox's interpreter has the rest."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.write(ROOT / "abtest" / "__init__.py", "abtest/__init__.py")
        for package in lambda_asset.PACKAGES:
            for source in (ROOT / "abtest" / package).rglob("*.py"):
                file.write(source, source.relative_to(ROOT))
    return archive.getvalue()


class Stage:
    """The stage `dev` of a project; `config` goes to the experiment's configuration."""

    def __init__(self, sandbox: Sandbox, project: str, **config: Any) -> None:
        self.sandbox, self.project = sandbox, project
        self.config = {"project_name": project, "stage_name": "dev", "attribution_window_seconds": 0} | config
        self.endpoint_name = f"sagemaker-{project}-dev"
        self.groups = {role: f"{project}-{role}" for role in ("champion", "challenger")}
        self.sagemaker = sandbox.client("sagemaker")
        self.s3 = sandbox.client("s3")
        self.states = sandbox.client("stepfunctions")
        self.machines: dict[str, str] = {}
        self.functions: dict[str, str] = {}

    def deploy(self, *machines: str) -> "Stage":
        """Everything, or only these machines."""
        self.s3.create_bucket(Bucket=self.project)
        artefacts = {"good": model_tar(), "other": model_tar(inverted=True), "corrupt": b"no archive"}
        for name, content in (artefacts | {"failing": failing_tar()}).items():
            self.s3.put_object(Bucket=self.project, Key=f"{name}.tar.gz", Body=content)
        for group in self.groups.values():
            self.sagemaker.create_model_package_group(ModelPackageGroupName=group)
        self._table(self.project, "endpoint_name")
        self._table(f"{self.project}-assignments", "user")
        self.sandbox.client("firehose").create_delivery_stream(
            DeliveryStreamName=self.project,
            ExtendedS3DestinationConfiguration={
                "RoleARN": ROLE,
                "BucketARN": f"arn:aws:s3:::{self.project}",
                "Prefix": "events/!{timestamp:yyyy/MM/dd/HH}/",
                "ErrorOutputPrefix": "events-errors/",
                "BufferingHints": {"IntervalInSeconds": 60, "SizeInMBs": 1},
                "CompressionFormat": "GZIP",
            },
        )
        for name in machines or MACHINES:
            self.machines[name] = self._machine(name)
        return self

    def _table(self, name: str, hash_key: str) -> None:
        keys = {hash_key: "HASH", "item": "RANGE"}
        self.sandbox.client("dynamodb").create_table(
            TableName=name,
            KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys.items()],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            BillingMode="PAY_PER_REQUEST",
        )

    def _machine(self, name: str) -> str:
        values = {"EndpointName": self.endpoint_name, "ModelExecutionRoleArn": ROLE}
        values["RebalanceStateMachineArn"] = self.machines.get("rebalance", "")
        values |= {f"{function}FunctionArn": self._function(function) for function in functions(name)}
        definition = re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], text(name))
        arn: str = self.states.create_state_machine(name=f"{self.project}-{name}", definition=definition, roleArn=ROLE)[
            "stateMachineArn"
        ]
        return arn

    def spoil(self, machine: str, state: str, **parameters: Any) -> None:
        """Adds the machine `spoiled`: as `machine`, but one state's call has these parameters."""
        deployed = self.states.describe_state_machine(stateMachineArn=self.machines[machine])["definition"]
        definition = json.loads(deployed)
        kept = definition["States"][state]["Parameters"]
        changed = {key: value for key, value in kept.items() if key.removesuffix(".$") not in parameters}
        definition["States"][state]["Parameters"] = changed | parameters
        created = self.states.create_state_machine(
            name=f"{self.project}-spoiled-{state}", definition=json.dumps(definition), roleArn=ROLE
        )
        self.machines["spoiled"] = created["stateMachineArn"]

    def _function(self, name: str) -> str:
        module = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
        arn: str = self.sandbox.client("lambda").create_function(
            FunctionName=f"{self.project}-{name}",
            Runtime="python3.12",
            Handler=f"abtest.handlers.{module}.handler",
            Role=ROLE,
            Code={"ZipFile": code()},
            Timeout=60,
            Environment={"Variables": self._environment()},
        )["FunctionArn"]
        return arn

    def _environment(self) -> dict[str, str]:
        return {
            "EXPERIMENT_CONFIG": json.dumps(self.config),
            "EXPERIMENTS_TABLE_NAME": self.project,
            "ASSIGNMENTS_TABLE_NAME": f"{self.project}-assignments",
            "DELIVERY_STREAM_NAME": self.project,
            "BUCKET_NAME": self.project,
            "ENDPOINT_NAME": self.endpoint_name,
            "CHAMPION_GROUP_NAME": self.groups["champion"],
            "CHALLENGER_GROUP_NAME": self.groups["challenger"],
            "MODEL_EXECUTION_ROLE_ARN": ROLE,
            "ENDPOINT_PREFIX": self.endpoint_name,
            "REBALANCE_STATE_MACHINE_ARN": self.machines.get("rebalance", "none"),
        }

    def start_on_approval(self) -> None:
        """The rule that starts build-endpoint."""
        detail = {"ModelPackageGroupName": list(self.groups.values()), "ModelApprovalStatus": ["Approved"]}
        self._rule("build_endpoint", "aws.sagemaker", "SageMaker Model Package State Change", detail)

    def start_on_decision(self) -> None:
        """The rule that starts promote."""
        self._rule("promote", "abtest", "Experiment Decided", {"endpoint_name": [self.endpoint_name]})

    def _rule(self, machine: str, source: str, kind: str, detail: dict[str, Any]) -> None:
        events, name = self.sandbox.client("events"), f"{self.project}-{machine}"
        pattern = {"source": [source], "detail-type": [kind], "detail": detail}
        events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        target = {"Id": machine, "Arn": self.machines[machine], "RoleArn": ROLE}
        events.put_targets(Rule=name, Targets=[target])

    def take_out_on_alarm(self) -> None:
        """The rule that takes a variant out, and its function."""
        events = self.sandbox.client("events")
        detail = {"alarmName": [{"prefix": f"{self.endpoint_name}/"}], "state": {"value": ["ALARM"]}}
        pattern = {"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"], "detail": detail}
        events.put_rule(Name=f"{self.project}-alarm", EventPattern=json.dumps(pattern))
        target = {"Id": "take-out", "Arn": self._function("TakeOut")}
        events.put_targets(Rule=f"{self.project}-alarm", Targets=[target])

    def invoke(self, user_id: str) -> tuple[int, dict[str, Any]]:
        """POST /invocation by its function, which the first call makes: the status and the answer."""
        event = json.loads((ROOT / "tests" / "events" / "invocation.json").read_text())
        body = {"endpoint_name": self.endpoint_name, "user_id": user_id, "data": json.dumps({"instances": ["bad"]})}
        if "Invocation" not in self.functions:
            self.functions["Invocation"] = self._function("Invocation")
        payload = json.dumps(event | {"path": "/invocation", "body": json.dumps(body)})
        functions = self.sandbox.client("lambda")
        answer = functions.invoke(FunctionName=self.functions["Invocation"], Payload=payload.encode())
        response = json.loads(answer["Payload"].read())
        return response["statusCode"], json.loads(response["body"])

    def register(self, role: str, artefact: str = "good") -> str:
        """A package that waits for approval; returns its ARN."""
        container = {"Image": IMAGE, "ModelDataUrl": f"s3://{self.project}/{artefact}.tar.gz"}
        arn: str = self.sagemaker.create_model_package(
            ModelPackageGroupName=self.groups[role],
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification={
                "Containers": [container],
                "SupportedContentTypes": ["application/json"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
        )["ModelPackageArn"]
        return arn

    def trial(self, challenger: str = "other") -> tuple[str, str]:
        """Puts a new champion and a new challenger on trial; returns the names of the two variants."""
        versions = []
        for role, artefact in (("champion", "good"), ("challenger", challenger)):
            arn = self.register(role, artefact)
            self.approve(arn)
            versions.append(arn.rsplit("/", 1)[1])
        ended = self.run()
        assert ended["status"] == "SUCCEEDED", ended
        return f"Champion{versions[0]}", f"Challenger{versions[1]}"

    def approve(self, arn: str, status: str = "Approved") -> None:
        self.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=status)

    def run(self, machine: str = "build_endpoint", seconds: float = 60.0) -> dict[str, Any]:
        """Starts an execution by hand and waits for its end."""
        return ended(self.sandbox, self.start(machine), seconds)

    def start(self, machine: str = "build_endpoint") -> str:
        data = json.dumps({"endpoint_name": self.endpoint_name})
        arn: str = self.states.start_execution(stateMachineArn=self.machines[machine], input=data)["executionArn"]
        return arn

    def executions(self, machine: str = "build_endpoint") -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.states.list_executions(stateMachineArn=self.machines[machine])["executions"]
        return listed

    def settled(self, count: int, machine: str = "build_endpoint") -> list[dict[str, Any]]:
        """The executions once there are `count` or more and none runs."""

        def none_runs() -> Any:
            found = self.executions(machine)
            return found if len(found) >= count and not any(e["status"] == "RUNNING" for e in found) else None

        found: list[dict[str, Any]] = wait_for(none_runs, 60)
        return found

    def endpoint(self) -> dict[str, Any]:
        described: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=self.endpoint_name)
        return described

    def endpoints(self) -> list[dict[str, Any]]:
        """Of this name: one or none."""
        listed: list[dict[str, Any]] = self.sagemaker.list_endpoints(NameContains=self.endpoint_name)["Endpoints"]
        return listed

    def weights(self) -> dict[str, float]:
        return {variant["VariantName"]: variant["CurrentWeight"] for variant in self.endpoint()["ProductionVariants"]}

    def items(self) -> dict[str, dict[str, Any]]:
        """Everything in the table by its range key, in DynamoDB's types."""
        found = self.sandbox.client("dynamodb").scan(TableName=self.project, ConsistentRead=True)["Items"]
        return {item["item"]["S"]: item for item in found}

    def holds(self, line: str) -> bool:
        """Whether the line is in an object under events/."""
        found = self.s3.list_objects_v2(Bucket=self.project, Prefix="events/").get("Contents", [])
        bodies = (self.s3.get_object(Bucket=self.project, Key=item["Key"])["Body"].read() for item in found)
        return any(f"{line}\n".encode() in gzip.decompress(body) for body in bodies)

    def put_events(self, name: str, lines: list[str], hour: str) -> None:
        """As Firehose does; `hour` is yyyy/MM/dd/HH."""
        content = gzip.compress("".join(f"{line}\n" for line in lines).encode())
        self.s3.put_object(Bucket=self.project, Key=f"events/{hour}/{name}.gz", Body=content)
