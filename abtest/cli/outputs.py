"""`abtest outputs`: where a deployed stage can be reached, and the names of its parts."""

from typing import Annotated

import typer

from abtest.cli.shown.output import JsonOption, StageOption, UserError, print_json, print_line
from abtest.cli.stage import stacks

NameArgument = Annotated[str | None, typer.Argument(metavar="NAME", help="Only this one's value; default: all.")]


def outputs(name: NameArgument = None, stage: StageOption = "dev", as_json: JsonOption = False) -> None:
    """Print the outputs of the stage's stacks, ApiEndpoint among them."""
    found = stacks.outputs(stage)
    if name is not None and name not in found:
        raise UserError(f"{name} is no output of stage {stage}: they are {', '.join(sorted(found))}")
    if as_json:
        print_json(found if name is None else {name: found[name]})
    elif name is not None:
        print_line(found[name])
    else:
        width = max(len(key) for key in found)
        for key, value in sorted(found.items()):
            print_line(f"{key:<{width}}  {value}")
