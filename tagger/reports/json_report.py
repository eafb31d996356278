"""The JSON report, schema movietags/1: written the same for the same film, read with tolerance for the future."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from tagger.errors import BadReport
from tagger.files import write_atomically
from tagger.records import (
    Declared,
    Keyframe,
    ModelInfo,
    Observed,
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
    video = _video(report.video)
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


def _video(video: VideoInfo) -> dict[str, Any]:
    """Flat, as the schema has it: what was observed under plain names."""
    declared, observed = video.declared, video.observed
    return {
        "path": video.path,
        "name": video.name,
        "size_bytes": video.size_bytes,
        "fingerprint": video.fingerprint,
        "duration_s": observed.duration_s,
        "fps": video.fps,
        "width": observed.width,
        "height": observed.height,
        "codec": video.codec,
        "frame_count": observed.frame_count,
        "declared_duration_s": declared.duration_s,
        "declared_frames": declared.frames,
        "declared_fps": declared.fps,
        "decode_failures": observed.decode_failures,
    }


def _read_video(found: dict[str, Any]) -> VideoInfo:
    declared = Declared(found["declared_duration_s"], found["declared_frames"], found.get("declared_fps"))
    observed = {name: found[name] for name in Observed.__dataclass_fields__}
    own = {name: found[name] for name in ("path", "name", "size_bytes", "fingerprint", "codec", "fps")}
    return VideoInfo(**own, declared=declared, observed=_record(Observed, observed))


def _shot(shot: TaggedShot) -> dict[str, Any]:
    return {
        **asdict(shot),
    }


def _report(document: dict[str, Any]) -> TagReport:
    return TagReport(
        created=document["created"],
        version=document["tool"]["version"],
        video=_read_video(document["video"]),
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
    own = {name: shot[name] for name in Shot.__dataclass_fields__}
    tags = tuple(_record(ShotTag, tag) for tag in shot["tags"])
    return TaggedShot(**own, keyframe=_record(Keyframe, shot["keyframe"]), tags=tags)


def _record(kind: type[R], found: dict[str, Any]) -> R:
    """A record from the fields it knows; KeyError or TypeError name one that is missing or of another kind."""
    for field in fields(kind):  # type: ignore[arg-type]
        if not isinstance(found[field.name], KINDS.get(str(field.type), (object,))):
            raise TypeError(f"{field.name} is {found[field.name]!r}, expected {field.type}")
    return kind(**{field.name: found[field.name] for field in fields(kind)})  # type: ignore[arg-type]
