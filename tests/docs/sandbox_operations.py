"""docs/sandbox-operations.md, from the sandbox's code and its tests.

Every implemented operation needs two kinds of proof, named by a marker on a test function under tests/sandbox:

    @pytest.mark.operation("CreateModel")                                 # a round trip that succeeds
    @pytest.mark.operation("CreateModel", error="ValidationException")    # a request refused with that error

One test may carry several markers. A test fails where a proof is missing.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from abtest.sandbox.sagemaker import service, wire
from abtest.sandbox.sagemaker.operations import OPERATIONS
from tests.conftest import ROOT

TESTS = ROOT / "tests" / "sandbox"

HEAD = """# What the sandbox implements of SageMaker

One MiniStack process serves these operations of `sagemaker`, and `InvokeEndpoint` of `sagemaker-runtime`. Requests are
validated and responses shaped by botocore's own service model; any other operation answers `UnknownOperationException`.
A request that breaks the model answers `ValidationException`, whatever the operation. Step Functions reaches
them as `arn:aws:states:::aws-sdk:sagemaker:*`.

Where the sandbox does less than AWS, or something else:

| of AWS | in the sandbox |
|---|---|
| CreateModel looks for the artefact in S3 | CreateEndpoint does: the endpoint is Failed with the reason |
| an image from ECR serves the model | code chosen by the image's name: BlazingText's classification, XGBoost's CSV |
| models of several containers, inference components | refused, or unknown |
| a shadow variant sees a copy of the requests that are sampled | the same, by a thread of its own |
| data capture flushes within minutes, whatever the answer | within a second; requests that failed are not captured |
| deployment configurations: canary, rolling, alarms | kept, and without effect: all traffic moves at once |
| a change of an endpoint takes minutes | seconds: `--endpoint-create-seconds`, `--endpoint-update-seconds` |
| an update that fails is reported by events and logs | and by FailureReason beside InService, until the next update |
| packages are validated on request | Completed at once |
| events come more than once at times | a share of them does, evenly spread: `--duplicate-events` |
| the draw of a variant is random | by weight, from a sequence seeded with the endpoint's name: runs repeat |
"""

JOB = "InProgress; then Completed, Failed, or Stopping and Stopped"

# The statuses that a resource of the sandbox passes through, by the noun in the names of its operations.
STATES = {
    "ModelPackageGroup": "Completed",
    "ModelPackage": "Completed; approval: PendingManualApproval, Approved, Rejected",
    "EndpointConfig": "",
    "EndpointWeightsAndCapacities": "Updating, then InService",
    "InvokeEndpoint": "",
    "Endpoint": "Creating, then InService or Failed; Updating, then InService (by RollingBack if it failed); Deleting",
    "ProcessingJob": JOB,
    "HyperParameterTuningJob": JOB,
    "TrainingJob": JOB,
    "TransformJob": JOB,
    "PipelineExecution": "Executing; then Succeeded, Failed, or Stopping and Stopped",
    "Pipeline": "Active",
    "Model": "",
    "Tags": "",
}

RUNTIME = {"InvokeEndpoint": "sagemaker-runtime"}


@dataclass(frozen=True)
class Proof:
    """A test (path::function) that shows `operation` succeed, or answer `error`."""

    operation: str
    error: str | None
    test: str


def proofs() -> list[Proof]:
    """Returns what the markers of the tests under tests/sandbox say, in the order of files and lines."""
    return [proof for path in sorted(TESTS.rglob("test_*.py")) for proof in _proofs_in(path)]


def _proofs_in(path: Path) -> Iterator[Proof]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            test = f"{path.relative_to(ROOT)}::{node.name}"
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.operation":
                    yield _proof(decorator, test)


def _proof(marker: ast.Call, test: str) -> Proof:
    error = next((ast.literal_eval(k.value) for k in marker.keywords if k.arg == "error"), None)
    return Proof(operation=ast.literal_eval(marker.args[0]), error=error, test=test)


def implemented() -> list[str]:
    """Returns every operation that the sandbox answers, by name."""
    assert service.PARTS, "importing the parts registers their operations"
    return sorted({*OPERATIONS, *RUNTIME})


def unproved() -> list[str]:
    """Returns a sentence for each operation without a round trip or without a failing case."""
    found = proofs()
    succeeding = {proof.operation for proof in found if proof.error is None}
    failing = {proof.operation for proof in found if proof.error is not None}
    return [f"{name}: no test marks a round trip" for name in implemented() if name not in succeeding] + [
        f"{name}: no test marks a failing case" for name in implemented() if name not in failing
    ]


def page() -> str:
    found = proofs()
    return "\n".join([HEAD, *(_section(name, [p for p in found if p.operation == name]) for name in implemented())])


def _section(name: str, found: list[Proof]) -> str:
    lines = [f"## {name}", ""]
    states = next((text for noun, text in STATES.items() if noun in name), "")
    lines += [f"States: {states}.", ""] if states else []
    if name in OPERATIONS:
        modelled = [shape.name for shape in wire.operation_model(name).error_shapes]
        lines += [f"Errors that AWS models: {', '.join(modelled) or 'none'}.", ""]
    lines += ["| answers | shown by |", "|---|---|"]
    lines += [f"| {proof.error or 'the response'} | `{proof.test}` |" for proof in sorted(found, key=_order)]
    return "\n".join([*lines, ""])


def _order(proof: Proof) -> tuple[str, str]:
    return proof.error or "", proof.test
