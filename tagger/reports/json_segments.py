"""Segments as JSON: all that is known of them."""

from __future__ import annotations

import json
from dataclasses import asdict

from tagger.reports.json_report import video_facts
from tagger.segments import Segments


def as_json(segments: Segments) -> str:
    """Returns the film, the rule, the tags with how much of the film they have, and the segments, named as here."""
    document = {
        "video": video_facts(segments.report.video),
        "rule": asdict(segments.rule),
        "tags": [
            {
                "tag": tag.tag,
                "slug": tag.slug,
                "trained": tag.trained,
                "segments": len(segments.of(tag)),
                "duration_s": segments.duration_s(tag),
                "share": segments.share(tag),
                "confidence": tag.confidence,
            }
            for tag in segments.tags
        ],
        "segments": [asdict(segment) for segment in segments.segments],
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"
