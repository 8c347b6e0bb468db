"""`abtest deploy-models`: existing artefacts and images take part in a test, instead of what the pipeline trains."""

import re
from collections.abc import Sequence
from typing import Annotated

import typer

from abtest.adapters import external_models
from abtest.adapters.external_models import ArtefactError, ExternalModel
from abtest.cli.models import GROUPS, Row, WaitOption, finish
from abtest.cli.shown.output import JsonOption, StageOption, UserError, say
from abtest.cli.stage.build_endpoint import BuildEndpoint
from abtest.cli.stage.stacks import load_config, outputs
from abtest.experiment.record.selection import APPROVED, PENDING
from abtest.operations import deploy_models as operation

IMAGE = re.compile(r"[\w.:-]+/[\w./-]+(:[\w.-]+|@sha256:[0-9a-f]{64})")
CONTENT_TYPE = re.compile(r"[a-z]+/[\w.+-]+")
MOST_CHALLENGERS = 9  # with the champion ten variants, as many as an endpoint takes
EACH = "Once for all, or once for each model: the champion's first."

ChampionOption = Annotated[str | None, typer.Option("--champion", help="Its model.tar.gz: a path, or an s3:// URI.")]
ChallengerOption = Annotated[
    list[str] | None, typer.Option("--challenger", help="A model.tar.gz; again for more challengers.")
]
ImageOption = Annotated[list[str], typer.Option("--image", help=f"URI of the image that serves it. {EACH}")]
ContentTypeOption = Annotated[list[str], typer.Option("--content-type", help=f"What the model reads. {EACH}")]
ApproveOption = Annotated[bool, typer.Option("--approve", help="Approve them: build-endpoint then serves them.")]

Models = list[tuple[str, ExternalModel]]  # (champion or challenger, model)


def deploy_models(
    image: ImageOption,
    champion: ChampionOption = None,
    challenger: ChallengerOption = None,
    content_type: ContentTypeOption = ["application/json"],  # noqa: B006 - typer's way to give a list's default
    approve: ApproveOption = False,
    wait: WaitOption = False,
    stage: StageOption = "dev",
    as_json: JsonOption = False,
) -> None:
    """Register existing model artefacts as champion and challengers of a stage, and approve them on request."""
    if wait and not approve:
        raise typer.BadParameter("needs --approve: without it there is nothing to wait for", param_hint="--wait")
    models = checked(champion, challenger or [], image, content_type)
    found = outputs(stage)
    _warn(stage, sum(role == "challenger" for role, _ in models))
    build_endpoint = BuildEndpoint(found) if wait else None
    groups = {role: found[key] for role, key in GROUPS.items()}
    arns = operation.deploy_models(models, found["BucketName"], groups, approve=approve, tell=say)
    finish(_rows([role for role, _ in models], arns, approve), build_endpoint, as_json)


def checked(
    champion: str | None, challengers: Sequence[str], images: Sequence[str], content_types: Sequence[str]
) -> Models:
    """Returns the models that you asked for. Raises UserError, before anything is made."""
    artefacts = [*([("champion", champion)] if champion else []), *(("challenger", path) for path in challengers)]
    if not artefacts:
        raise UserError("say which models: --champion, --challenger, or both")
    if len(challengers) > MOST_CHALLENGERS:
        raise UserError(f"--challenger: at most {MOST_CHALLENGERS}, not {len(challengers)}")
    each_image = _for_each("--image", images, IMAGE, "the URI of an image with its tag, REGISTRY/NAME:TAG", artefacts)
    each_type = _for_each("--content-type", content_types, CONTENT_TYPE, "like text/csv", artefacts)
    models = [
        (role, ExternalModel(path, image, kind))
        for (role, path), image, kind in zip(artefacts, each_image, each_type, strict=True)
    ]
    for role, model in models:
        try:
            external_models.digest(model)
        except ArtefactError as error:
            raise UserError(f"--{role}: {error}") from None
    return models


def _for_each(
    option: str, given: Sequence[str], form: re.Pattern[str], wanted: str, models: Sequence[object]
) -> Sequence[str]:
    wrong = [value for value in given if not form.fullmatch(value)]
    if wrong:
        raise UserError(f"{option}: {wrong[0]!r} must be {wanted}")
    if len(given) not in (1, len(models)):
        raise UserError(f"{option}: give one for all, or {len(models)}, one for each model; not {len(given)}")
    return given if len(given) == len(models) else [given[0]] * len(models)


def _warn(stage: str, challengers: int) -> None:
    served = load_config(stage).challenger_variant_count
    if challengers > served:
        say(f"warning: the stage serves {served} challengers, not {challengers}: change challenger_variant_count")


def _rows(roles: Sequence[str], arns: Sequence[str], approved: bool) -> list[Row]:
    status = APPROVED if approved else PENDING
    return [
        {"role": role, "model": f"{role}/{arn.rpartition('/')[2]}", "model_package_arn": arn, "status": status}
        for role, arn in zip(roles, arns, strict=True)
    ]
