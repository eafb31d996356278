"""An advisory as JSON: all that is known of it."""

from __future__ import annotations

from dataclasses import asdict

from tagger.advisory.notes import Advisory, Note
from tagger.reports.json_report import video_facts
from tagger.text import TOOL, json_text

SCHEMA = "movietags-advisory/1"


def as_json(advisory: Advisory) -> str:
    """Returns the film, the model, the rules' numbers, and each note with its tags and places, named as here."""
    report, rules = advisory.report, advisory.rules
    return json_text(
        {
            "schema": SCHEMA,
            **TOOL,
            "video": video_facts(report.video),
            "status": report.status,
            "warnings": report.warnings,
            "model": asdict(report.model),
            "rules": {name: asdict(getattr(rules, name)) for name in ("likelihood", "judged", "places")},
            "notes": [_note(note) for note in advisory.notes],
        }
    )


def _note(note: Note) -> dict[str, object]:
    strongest_s, probability = note.strongest or (None, None)
    derived = {"duration_s": note.duration_s, "first_s": note.first_s, "missed": note.missed}
    facts = asdict(note) | derived | {"strongest_s": strongest_s, "strongest_probability": probability}
    return {name: value for name, value in facts.items() if name != "strongest"}
