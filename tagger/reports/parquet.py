"""The features of all films of a folder as one Parquet file, written film by film: memory does not grow with them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tagger import libraries
from tagger.errors import BadFeatures, BadPath, BadReport
from tagger.files import written_whole
from tagger.frames import utf8
from tagger.models.kept import Network
from tagger.reports.folder import reports_below
from tagger.reports.kept import COLUMNS, FilmFeatures, read_features, rows

log = logging.getLogger(__name__)


def write_features(folder: Path | str, path: Path | str) -> int:
    """Writes the features of all films that have a report below a folder to one Parquet file.

    It has a row per kept keyframe: `report` (path of the report below the folder), `film` (name of its file), `shot`,
    `start_s`, `end_s`, `keyframe_s`, and `features`, a list of float32 of the same length in each row. Its metadata say
    under "movietags" which network they are of. A film whose features were not kept, or cannot be read, is left out,
    and a warning is logged that says why.

    Args:
        folder: of reports, with features beside them.
        path: of the file; what is there is replaced at the end.

    Returns:
        How many rows there are.

    Raises:
        LibraryMissing: pyarrow is not installed.
        BadPath: there is no such folder, or no report below it.
        BadFeatures: no film has features that can be read, or two have those of different networks.
        OutputRefused: the file cannot be written.
    """
    with libraries.needed("a Parquet file"):
        import pyarrow
        import pyarrow.parquet
    films = _films(Path(folder))
    place, first = next(films, (Path(), None))
    if first is None:
        raise BadFeatures(f"{folder}: no film below it has features that can be read: tag films with --keep-features")
    schema = _schema(pyarrow, first.kept.network)
    count = 0
    with written_whole(Path(path)) as file, pyarrow.parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        while first is not None:
            network, found = first.kept.network, first
            count += len(found.values)
            writer.write_table(_table(pyarrow, schema, place.as_posix(), found))
            place, first = next(films, (Path(), None))
            if first is not None and first.kept.network != network:
                raise BadFeatures(
                    f"{folder}: features of {network.identity} {network.sha256[:12]}, and in {place} of "
                    f"{first.kept.network.identity} {first.kept.network.sha256[:12]}: a table is of one network"
                )
    return count


def _films(folder: Path) -> Iterator[tuple[Path, FilmFeatures]]:
    """The features of each film that can be read, and the path of its report below the folder."""
    for file in reports_below(folder):
        try:
            found = read_features(file)
        except (BadPath, BadReport, BadFeatures) as error:
            log.warning("left out: %s", error)
            continue
        yield file.relative_to(folder), found


def _schema(pyarrow: Any, network: Network) -> Any:
    kinds = (pyarrow.string(), pyarrow.int64(), pyarrow.float64(), pyarrow.float64(), pyarrow.float64())
    vector = pyarrow.list_(pyarrow.float32(), network.feature_count)
    columns = [("report", pyarrow.string()), *zip(COLUMNS, kinds, strict=True), ("features", vector)]
    return pyarrow.schema(columns, metadata={"movietags": json.dumps(asdict(network))})


def _table(pyarrow: Any, schema: Any, place: str, found: FilmFeatures) -> Any:
    about = list(zip(*rows(found), strict=True)) or [()] * len(COLUMNS)
    numbers = pyarrow.array(np.ascontiguousarray(found.values, np.float32).reshape(-1))
    features = pyarrow.FixedSizeListArray.from_arrays(numbers, found.values.shape[1])
    columns = [[utf8(place)] * len(found.values), *about, features]
    arrays = [pyarrow.array(column, kind) for column, kind in zip(columns[:-1], schema.types, strict=False)]
    return pyarrow.Table.from_arrays([*arrays, features], schema=schema)
