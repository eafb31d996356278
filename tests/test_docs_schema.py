"""The page of fields says what the schemas say, and files are as the schemas say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import documents
import jsonschema
import pytest
import schema as maker
from documents import ROOT
from samples import REPORT

from tagger.reports import json_segments
from tagger.reports.corrections import Corrections
from tagger.segments import Rule, find
from tagger.typed_json import convert

PAGE = "docs/schema.md"
REPORTS = ROOT / "tagger/reports"


def schema(name: str) -> Any:
    return json.loads((REPORTS / name).read_text())


def test_every_field_of_every_schema_is_on_the_page() -> None:
    page = documents.text(PAGE)
    assert maker.filled(page) == page, "python docs/schema.py writes it anew"
    assert {path.name for path in REPORTS.glob("*schema.json")} == {name for _, name, _ in maker.MARK.findall(page)}


def test_a_field_without_a_description_is_no_field() -> None:
    with pytest.raises(KeyError, match="description"):
        [*maker.fields({"properties": {"nameless": {"type": "string"}}}, "")]


@pytest.mark.parametrize("confidence", [None, 0.8])
@pytest.mark.parametrize("names", [(), ("car-chase", "drama")])
def test_segments_are_as_their_schema_says(names: tuple[str, ...], confidence: float | None) -> None:
    report = replace(REPORT, tags=tuple(replace(tag, confidence=confidence) for tag in REPORT.tags))
    for rule in (Rule(), Rule(0.05, 1.0, 0.5)):
        found = json.loads(json_segments.as_json(find(report, names, rule)))
        form = schema("segments.schema.json")
        jsonschema.validate(found, form, jsonschema.Draft202012Validator)
        assert found["segments"]
        assert {*found} == {*form["properties"]}
        for field in ("rule", "tags", "segments"):
            known = form["properties"][field]
            one = found[field] if field == "rule" else found[field][0]
            assert {*one} == {*(known if field == "rule" else known["items"])["properties"]}, field


def test_corrections_are_as_their_schema_says() -> None:
    (example,) = [json.loads(block.text) for block in documents.blocks(PAGE) if block.language == "json"]
    jsonschema.validate(example, schema("corrections.schema.json"), jsonschema.Draft202012Validator)
    right = convert(Corrections, example)
    assert right.struck == ("war",) and right.shots[0].added == ("car-chase",)
    assert {*schema("corrections.schema.json")["properties"]} == {*Corrections.__dataclass_fields__}


def test_the_schemas_are_schemas() -> None:
    for path in sorted(REPORTS.glob("*schema.json")):
        jsonschema.Draft202012Validator.check_schema(json.loads(Path(path).read_text()))
