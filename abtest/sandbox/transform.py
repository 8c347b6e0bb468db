"""A batch transform: `python -m abtest.sandbox.transform --image U --model M --input I --output O`.

Sends each file of the input folder through the image's server in the pieces that SplitType and BatchStrategy ask
for, and writes `<file>.out` for each. Exit code 2 if the server refuses a record (the file has no output then, the
others have), 1 if the model cannot be loaded.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from abtest.sandbox import algorithms
from abtest.sandbox.model_server import ClientFault, Server


def main() -> int:
    options = parse()
    try:
        server = algorithms.of_image(options.image).load(options.model.read_bytes())
    except (ValueError, ImportError) as error:
        print(f"AlgorithmError: {error}", file=sys.stderr)
        return 1
    paths = sorted(path for path in options.input.rglob("*") if path.is_file())
    done = [transform(server, path, options) for path in paths]
    return 0 if all(done) else 2


def transform(server: Server, path: Path, options: argparse.Namespace) -> bool:
    """Writes the answers to one file; False, with the reason on standard error, if the server refuses a record."""
    relative = path.relative_to(options.input)
    try:
        answered = b"".join(answers(server, path.read_bytes(), options))
    except ClientFault as error:
        print(f"ClientError: {error.status}: {error} ({relative})", file=sys.stderr)
        return False
    target = options.output / f"{relative}.out"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(answered)
    print(f"{relative}: {len(answered)} bytes")
    return True


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--image", required=True, help="whose server answers")
    for name in ("--model", "--input", "--output"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--content-type", required=True)
    parser.add_argument("--accept")
    parser.add_argument("--split-lines", action="store_true")
    parser.add_argument("--assemble-lines", action="store_true")
    parser.add_argument("--batch-bytes", type=int, default=0, help="0: one record a request")
    return parser.parse_args()


def answers(server: Server, content: bytes, options: argparse.Namespace) -> Iterator[bytes]:
    for request in batches(content, options.batch_bytes) if options.split_lines else [content]:
        answer, _ = server.respond(request, options.content_type, options.accept)
        yield answer.rstrip(b"\n") + b"\n" if options.assemble_lines else answer


def batches(content: bytes, most_bytes: int) -> Iterator[bytes]:
    """Yields the lines of `content`, joined while they fit into `most_bytes`; one by one where that is 0."""
    batch = b""
    for line in content.splitlines(keepends=True):
        if batch and len(batch) + len(line) > most_bytes:
            yield batch
            batch = b""
        if line.strip():
            batch += line
    if batch:
        yield batch


if __name__ == "__main__":
    sys.exit(main())
