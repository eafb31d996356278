"""A report as two Parquet files, typed: a row per tag, and a row per shot with the probability of every tag."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from typing import Any

from tagger.frames import utf8
from tagger.records import TagReport
from tagger.reports import csv_report, csv_shots
from tagger.reports.json_report import video_facts


def tags(report: TagReport) -> bytes:
    """Returns a file with the columns of the CSV report.

    Raises:
        ModuleNotFoundError: pyarrow is not installed.
    """
    import pyarrow as pa

    text, share = pa.string(), pa.float64()
    kinds = (text, pa.int64(), text, text, share, share, pa.int64(), share, pa.bool_(), text, share)
    rows = [
        (
            report.video.name,
            *(tag.rank, tag.tag, tag.slug, tag.score, tag.weight, tag.frames, tag.mean_probability),
            *(tag.trained, tag.answered_by, tag.confidence),
        )
        for tag in report.tags
    ]
    return _file(pa, report, csv_report.COLUMNS, kinds, rows)


def shots(report: TagReport) -> bytes:
    """Returns a file with the columns of the CSV of shots; `tags` is a list, and what is not said is null.

    Raises:
        ModuleNotFoundError: pyarrow is not installed.
    """
    import pyarrow as pa

    slugs, share, count = csv_shots.slugs(report), pa.float64(), pa.int64()
    kinds = (
        *(pa.string(), count, share, share, count, count, share, count, share, pa.bool_(), pa.list_(pa.string())),
        *[share] * len(slugs),
    )
    rows = []
    for shot in report.shots:
        key, said = shot.keyframe, csv_shots.probabilities(report, shot)
        rows.append((
            report.video.name,
            *(shot.index, shot.start_s, shot.end_s, shot.start_frame, shot.end_frame),
            *(key.time_s, key.frame, key.entropy_bits, key.kept),
            [utf8(tag.slug) for tag in shot.tags],
            *(said.get(slug) for slug in slugs),
        ))  # fmt: skip
    names = (*csv_shots.COLUMNS, *(csv_shots.PROBABILITY + slug for slug in slugs))
    return _file(pa, report, names, kinds, rows)


def _file(pa: Any, report: TagReport, names: Iterable[str], kinds: Iterable[Any], rows: list[Any]) -> bytes:
    """A table as a file; its metadata say under "movietags" what the film is and what answered."""
    import pyarrow.parquet

    about = {
        "video": video_facts(report.video), "created": report.created, "status": report.status,
        "vocabulary": report.model.vocabulary, "backbone": report.model.backbone, "settings": report.settings,
    }  # fmt: skip
    fields = [pa.field(utf8(name), kind) for name, kind in zip(names, kinds, strict=True)]
    schema = pa.schema(fields, metadata={"movietags": json.dumps(about)})
    columns = list(zip(*rows, strict=True)) or [()] * len(fields)
    arrays = [pa.array([utf8(c) for c in cells], one.type) for cells, one in zip(columns, fields, strict=True)]
    file = io.BytesIO()
    pyarrow.parquet.write_table(pa.Table.from_arrays(arrays, schema=schema), file, compression="zstd")
    return file.getvalue()
