"""docs/api.md, from the OpenAPI document."""

from collections.abc import Iterator

from abtest.handlers.api import MOST_BODY_BYTES
from tests.docs import openapi
from tests.docs.tables import Json, definition, fields

HEAD = """# The API

You `POST` a JSON body to each route and get a JSON body. [openapi.json](openapi.json) says the same for programs.

**Where.** `abtest outputs ApiEndpoint` prints the address; append the route's name.

**Who.** Sign each request with AWS Signature Version 4 for the service `execute-api`, as somebody who may
`execute-api:Invoke` it. Where the stage's configuration says `"authentication": "none"`, which only the stages
`dev` and `demo` may, anyone who reaches the API can call it.

**How much.** A body has at most {most_bytes:,} bytes. API Gateway lets {rate:,} requests a second through, {burst:,}
in a burst, and waits 29 seconds for an answer.
"""

REFUSALS = """## Refusals

The body of every refusal is `{"error": {"code", "message"}}`. Your program reads the code; the message tells you
what is wrong. Try again after 429, 503 and 504, with the same `inference_id`: a retry is the same event and counts
once.
"""


def page() -> str:
    document = openapi.document()
    rate, burst = openapi.gateway("REQUESTS_PER_SECOND"), openapi.gateway("BURST_REQUESTS")
    head = HEAD.format(most_bytes=MOST_BODY_BYTES, rate=rate, burst=burst)
    parts = [head, *(line for path, item in document["paths"].items() for line in route(path, item["post"], document))]
    schemas = document["components"]["schemas"]
    shown = {openapi.models(module)[index].__name__ for module in openapi.routes().values() for index in (0, 1)}
    for name in sorted(set(schemas) - shown - {"Refusal", "Problem"}):
        parts += [f"### {name}", "", schemas[name].get("description", ""), ""]
        parts += [*fields(schemas[name], document, defaults=False), ""]
    return "\n".join([*parts, *refused()]) + "\n"


def route(path: str, post: Json, document: Json) -> Iterator[str]:
    yield from (f"## POST {path}", "", post["summary"], "", "You send:", "")
    yield from body(post["requestBody"], document, defaults=True)
    yield from ("", "You get:", "", "| status | means |", "|---|---|")
    answers = {status: response for status, response in post["responses"].items() if status < "3"}
    yield from (f"| {status} | {response['description']} |" for status, response in answers.items())
    yield ""
    yield from body(next(iter(answers.values())), document, defaults=False)
    yield ""


def body(holder: Json, document: Json, *, defaults: bool) -> Iterator[str]:
    schema = definition(holder["content"]["application/json"]["schema"], document)
    if "description" in schema and defaults:
        yield from (schema["description"], "")
    yield from fields(schema, document, defaults=defaults)


def refused() -> Iterator[str]:
    """Each refusal once, with the routes that answer it where not all do."""
    answering: dict[tuple[str, str, str], list[str]] = {}
    for path, module in openapi.routes().items():
        for row in openapi.refusals(module):
            answering.setdefault(row, []).append(path)
    yield from (REFUSALS, "| status | code | means |", "|---|---|---|")
    for (status, code, meaning), paths in sorted(answering.items()):
        only = "" if len(paths) == len(openapi.routes()) else f" Only {', '.join(paths)}."
        yield f"| {status} | `{code}` | {meaning}{only} |"
