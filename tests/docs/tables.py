"""JSON Schema as tables for people: one row a field."""

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

UNITS = (("", "imum"), (" characters", "Length"), (" items", "Items"))  # and how the names of their bounds end


def fields(schema: Json, root: Json, *, defaults: bool = True) -> Iterator[str]:
    """A table of the properties of `schema`, whose references are into `root`; without the column of defaults if told.

    A link leads to the heading of an object that has a table of its own: its name in `root`'s definitions.
    """
    heads = ["field", "type", "range", *(["default"] if defaults else []), "meaning"]
    yield from ("| " + " | ".join(heads) + " |", "|---" * len(heads) + "|")
    required = schema.get("required", ()) if defaults else ()
    for name, given in sorted(schema["properties"].items(), key=lambda item: item[0] not in required):
        merged = _merged(given, root)
        cells = [f"`{name}`", _type(given, root), _range(merged)]
        if defaults:
            cells.append("**required**" if name in required else _default(merged))
        yield (
            "| "
            + " | ".join(cell.replace("|", "\\|") for cell in [*cells, " ".join(merged.get("description", "").split())])
            + " |"
        )


def definition(given: Json, root: Json) -> Json:
    """What `given` refers to, if it is a reference."""
    found: Any = root
    for part in given.get("$ref", "#").removeprefix("#").strip("/").split("/"):
        found = found[part] if part else given
    return dict(found)


def _options(given: Json) -> list[Json]:
    """The alternatives that the schema leaves, null too."""
    if "anyOf" in given:
        return list(given["anyOf"])
    kinds = given.get("type")
    return [given | {"type": kind} for kind in kinds] if isinstance(kinds, list) else [given]


def _merged(given: Json, root: Json) -> Json:
    """One schema with the bounds of all alternatives but null; what stands beside a reference goes before it."""
    found: Json = {}
    for option in _options(given):
        referred = definition(option, root)
        if referred.get("type") != "null":
            found |= referred if "properties" not in referred else {}
    return found | given


def _type(given: Json, root: Json) -> str:
    return " or ".join(_one_type(option, root) for option in _options(given))


def _one_type(option: Json, root: Json) -> str:
    referred = definition(option, root)
    if "properties" in referred:
        name = option["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if referred.get("type") == "array":
        return f"list of {_one_type(referred['items'], root)}"
    texts = all(isinstance(value, str) for value in referred.get("enum", (referred.get("const"),)))
    return str(referred.get("type", "string" if texts else "any JSON"))


def _range(merged: Json) -> str:
    values = merged.get("enum", [merged["const"]] if "const" in merged else [])
    texts = [f"`{value}`" for value in values]
    for unit, ending in UNITS:
        least, most = (merged.get(f"{end}{ending}") for end in ("min", "max"))
        if least is not None and most is not None:
            texts.append(f"{least:,.10g} to {most:,.10g}{unit}")
        else:
            texts += [f"at least {least:,.10g}{unit}"] if least is not None else []
            texts += [f"above {merged['exclusiveMinimum']:,.10g}"] if not unit and "exclusiveMinimum" in merged else []
            texts += [f"at most {most:,.10g}{unit}"] if most is not None else []
    return ", ".join(texts + ([f"`{merged['pattern']}`"] if "pattern" in merged else []))


def _default(merged: Json) -> str:
    value = merged.get("default")
    return "null" if value is None else f"`{value}`"
