"""`abtest outputs`: where a deployed stage can be reached, and the names of its parts."""

from abtest.cli import stacks
from abtest.cli.output import JsonOption, StageOption, print_json, print_line


def outputs(stage: StageOption = "dev", as_json: JsonOption = False) -> None:
    """Print the outputs of the stage's stacks, ApiEndpoint among them."""
    found = stacks.outputs(stage)
    if as_json:
        print_json(found)
        return
    width = max(len(key) for key in found)
    for key, value in sorted(found.items()):
        print_line(f"{key:<{width}}  {value}")
