"""Writes the tables of schema.md from the JSON Schemas that the package holds: python docs/schema.py."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_suffix(".md")
SCHEMAS = Path(__file__).parents[1] / "tagger/reports"
MARK = re.compile(r"(<!-- fields of ([\w.]+) -->\n).*?(<!-- end -->)", re.DOTALL)
HEAD = "| field | type | what it says |\n| --- | --- | --- |\n"


def main() -> None:
    """Writes them."""
    PAGE.write_text(filled(PAGE.read_text("utf-8")), "utf-8")


def filled(page: str) -> str:
    """Returns the page with a table of its fields at the place of each schema."""
    return MARK.sub(lambda place: f"{place[1]}\n{table(place[2])}\n{place[3]}", page)


def table(name: str) -> str:
    """Returns the fields of a schema, a row each, in their order; `?` marks those that may be missing."""
    schema = json.loads((SCHEMAS / name).read_text("utf-8"))
    return HEAD + "".join(f"| `{path}` | {kind} | {said} |\n" for path, kind, said in fields(schema, ""))


def fields(schema: dict[str, Any], path: str) -> Iterator[tuple[str, str, str]]:
    """Yields path, type and meaning of each field below a node.

    Raises:
        KeyError: one has no description.
    """
    for name, field in schema.get("properties", {}).items():
        here = f"{path}{name}"
        yield here + ("" if name in schema.get("required", ()) else "?"), kind_of(field), field["description"]
        yield from fields(field, f"{here}.")
        yield from fields(field.get("items", {}), f"{here}[].")


def kind_of(field: dict[str, Any]) -> str:
    """Returns the type of a field in words: `number, 0 to 1`, `array of string`."""
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
    said = " or ".join(kinds)
    if kinds == ["array"]:
        said += f" of {field['items']['type']}"
    least = field["exclusiveMinimum"] if "exclusiveMinimum" in field else field.get("minimum")
    if "maximum" in field:
        return f"{said}, {least} to {field['maximum']}"
    if "exclusiveMinimum" in field:
        return f"{said}, over {least}"
    return f"{said}, from {least}" if least is not None else said


if __name__ == "__main__":
    main()
