"""The JSON report, schema movietags/1: written the same for the same film, read with tolerance for the future."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from tagger.errors import BadReport
from tagger.files import write_atomically
from tagger.records import (
    ModelInfo,
    RankedTag,
    Scan,
    Shot,
    ShotTag,
    TaggedShot,
    TagReport,
    Timing,
    VideoInfo,
)

SCHEMA = "movietags/1"
SCHEMA_FILE = Path(__file__).with_name("schema.json")
SUFFIX = ".tags.json"
REPORT_BYTES_MAX = 2**30  # a shot takes about 400 bytes

# What a field's annotation means in JSON.
KINDS: dict[str, type | tuple[type, ...]] = {
    "str": str,
    "int": int,
    "float": (int, float),
    "bool": bool,
}

R = TypeVar("R")


def as_json(report: TagReport) -> str:
    """Returns the report as JSON text.

    Numbers are not rounded, NaN is impossible, text is ASCII, and "<" is written as an escape so that
    the text can stand inside a web page whatever a film is called.
    """
    video = asdict(report.video)
    document = {
        "schema": SCHEMA,
        "created": report.created,
        "tool": {"version": report.version},
        "video": video,
        "model": asdict(report.model),
        "settings": report.settings,
        "tags": [asdict(tag) for tag in report.tags],
        "shots": [_shot(shot) for shot in report.shots],
        "status": report.status,
        "warnings": list(report.warnings),
        "scan": asdict(report.scan),
        "timing": asdict(report.timing),
    }
    return json.dumps(document, indent=1, allow_nan=False).replace("<", "\\u003c") + "\n"


def write_report(report: TagReport, path: Path | str) -> None:
    """Puts the report at `path`, whole or not at all.

    Raises:
        OutputRefused: the place cannot be written.
    """
    write_atomically(Path(path), as_json(report).encode())


def read_report(path: Path | str) -> TagReport:
    """Returns a report that was written by this or a later version; fields it does not know are left out.

    Raises:
        BadReport: no JSON, another schema, or a field that is missing or of another kind.
    """
    try:
        with Path(path).open("rb") as file:
            document = json.loads(file.read(REPORT_BYTES_MAX))  # cut off, it is no JSON
    except OSError as error:
        raise BadReport(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise BadReport(f"{path}: is not JSON: name a report, NAME{SUFFIX} of `movietags extract -o DIR`") from error
    found = document.get("schema") if isinstance(document, dict) else None
    if found != SCHEMA:
        raise BadReport(f"{path}: schema {found!r}, this version reads {SCHEMA!r}")
    try:
        return _report(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadReport(f"{path}: does not follow schema {SCHEMA} ({type(error).__name__}: {error})") from error


def _shot(shot: TaggedShot) -> dict[str, Any]:
    return {
        **asdict(shot.shot),
        "keyframe": {
            "frame": shot.frame,
            "time_s": shot.time_s,
            "off_middle_frames": shot.off_middle_frames,
            "entropy_bits": shot.entropy_bits,
            "kept": shot.kept,
        },
        "tags": [asdict(tag) for tag in shot.tags],
    }


def _report(document: dict[str, Any]) -> TagReport:
    return TagReport(
        created=document["created"],
        version=document["tool"]["version"],
        video=_record(VideoInfo, document["video"]),
        model=_record(ModelInfo, document["model"]),
        settings=document["settings"],
        tags=tuple(_record(RankedTag, tag) for tag in document["tags"]),
        shots=tuple(_tagged_shot(shot) for shot in document["shots"]),
        status=document["status"],
        scan=_record(Scan, document["scan"]),
        timing=_record(Timing, document["timing"]),
        warnings=tuple(document["warnings"]),
    )


def _tagged_shot(shot: dict[str, Any]) -> TaggedShot:
    keyframe = {
        name: shot["keyframe"][name] for name in ("frame", "time_s", "off_middle_frames", "entropy_bits", "kept")
    }
    return TaggedShot(_record(Shot, shot), tags=tuple(_record(ShotTag, tag) for tag in shot["tags"]), **keyframe)


def _record(kind: type[R], found: dict[str, Any]) -> R:
    """A record from the fields it knows; KeyError or TypeError name one that is missing or of another kind."""
    for field in fields(kind):  # type: ignore[arg-type]
        if not isinstance(found[field.name], KINDS.get(str(field.type), (object,))):
            raise TypeError(f"{field.name} is {found[field.name]!r}, expected {field.type}")
    return kind(**{field.name: found[field.name] for field in fields(kind)})  # type: ignore[arg-type]
