"""`python -m abtest.sandbox --port N --data-dir D`: one sandbox in the foreground, until SIGTERM or SIGINT."""

import argparse
import dataclasses
from pathlib import Path

from abtest.sandbox import claims, environment, settings


def parse() -> settings.Settings:
    """Reads the settings from the command line; each is an option, as in `--endpoint-update-seconds 0.5`."""
    parser = argparse.ArgumentParser(prog="python -m abtest.sandbox", description=__doc__)
    for field in dataclasses.fields(settings.Settings):
        option = "--" + field.name.replace("_", "-")
        if isinstance(field.default, bool):
            parser.add_argument(option, action="store_true")
        else:
            parser.add_argument(option, type=type(field.default) if field.name != "data_dir" else Path)
    given = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    return dataclasses.replace(settings.Settings(), **given)


def main() -> None:
    chosen = parse()
    settings.use(chosen)
    environment.prepare(chosen)
    lock = claims.folder(chosen.data_dir.resolve())
    port = claims.port(chosen.port)
    environment.tidy(chosen)
    from abtest.sandbox import server  # reads the environment, and takes a second

    with lock:
        server.run(chosen, port)


if __name__ == "__main__":
    main()
