"""Turns what was gathered of many cases into a pandas frame: texts as codes into their distinct values, medians over the rounds."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import blake2b
from html import escape
from typing import TYPE_CHECKING, Any

from msgspec.json import encode as encode_json

from rsc_bench.harness.compare.trained.drop import words
from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.records.case import FRESH, SAMPLED, Case
from rsc_bench.harness.records.measurement import Training
from rsc_bench.reports.tables.gathering import Gathered
from rsc_bench.reports.tables.rows import MEMORY_SETTING, PRECISION
from rsc_bench.reports.tables.sources import Source

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

IDENTITY = "identity"
"""The column that two rows share when they are of one case, whatever else is shown of it."""
CASE = ("file", "machine", *Case.__struct_fields__, "selection", "base", "cached", IDENTITY)
TRAINED = ("trained", "metric name", "series", "by round")
SENSED = "sensed"
NUMBERS = ("width", "budget", "layers", "seed", "epochs")
"""Fields of a case that are numbers."""

_COMPOSED = re.compile(r"([^()]+)\((.+)\)")


def frame(found: Gathered, files: Sequence[Source]) -> pd.DataFrame:
    """Return a row per case: the fields of the case, and each metric over its rounds."""
    import pandas as pd

    of_file = [files[place] for place in found.files]
    sizes = {"nnz": list(found.nnz), "pairs": _objects([None if count < 0 else count for count in found.pairs])}
    columns: dict[str, Any] = identity(found.cases, of_file) | {MEMORY_SETTING: texts(_memory_settings(found.cases))}
    columns |= sizes | _trained(found) | _summary(found)
    columns["budget"] = _effective(found.cases, columns["budget"], columns)
    return pd.DataFrame(columns, copy=False)


def _effective(cases: Sequence[Case], budgets: pd.Series, columns: dict[str, Any]) -> pd.Series:
    """The budgets, and of approximations of their own, which are given none, the share that they multiplied; NaN where unknown."""
    import numpy as np

    own = np.array([case.suite == SAMPLED and case.budget is None for case in cases], dtype=bool)
    if "kept" not in columns or not own.any():
        return budgets
    shares = np.round(np.asarray(columns["kept"], dtype=float) / 100, 3)
    return budgets.astype(float).where(~own, shares)


def identity(cases: Sequence[Case], files: Sequence[Source]) -> dict[str, Any]:
    """Return the columns that say what each case is, and the file that it is from."""
    import pandas as pd

    columns: dict[str, Any] = {"file": texts([file.name for file in files]), "machine": texts([file.machine for file in files])}
    precisions = _precisions(cases)
    for name in Case.__struct_fields__:
        values = precisions if name == PRECISION else [getattr(case, "graph_as_run" if name == "graph" else name) for case in cases]
        columns[name] = pd.Series(values, dtype=None if values else object) if name in NUMBERS else texts(values)
    parts = [_parts(case.kernel, case.suite == SAMPLED) for case in cases]
    columns["selection"], columns["base"] = (texts([part[place] for part in parts]) for place in (0, 1))
    columns[IDENTITY] = pd.Series([_identity(case) for case in cases], dtype="int64")
    columns["cached"] = pd.Series([bool(part[0] and part[0].startswith("cached_")) for part in parts], dtype=bool)
    return columns


def _identity(case: Case) -> int:
    """A number that two cases share when they are equal: eight bytes, where a text would take a tenth of a table's memory."""
    return int.from_bytes(blake2b(encode_json(case), digest_size=8).digest(), signed=True)


def _precisions(cases: Sequence[Case]) -> list[str | None]:
    """What each case computes in; of none where all compute in what they store."""
    if not any(case.precision for case in cases):
        return [None] * len(cases)
    return [case.precision or case.dtype for case in cases]


def _memory_settings(cases: Sequence[Case]) -> list[str | None]:
    """Fresh or kept memory, in words, of each case; of none where nothing was measured with kept memory."""
    if not any(case.freed_memory for case in cases):
        return [None] * len(cases)
    return ["GPU memory" if case.device.startswith("cuda") else f"{case.freed_memory or FRESH} memory" for case in cases]


@cache
def _parts(kernel: str, sampled: bool) -> tuple[str | None, str | None]:
    """Selection and exact kernel of a composed kernel; an approximation of its own is all selection; None of an exact one."""
    composed = _COMPOSED.fullmatch(kernel)
    return (composed[1], composed[2]) if composed else (kernel if sampled else None, None)


def texts(values: Iterable[str | None]) -> pd.Categorical:
    """Return texts as codes into the distinct ones."""
    import pandas as pd

    known: dict[str, int] = {}
    codes = [-1 if value is None else known.setdefault(value, len(known)) for value in values]
    return pd.Categorical.from_codes(codes, categories=pd.Index(list(known), dtype=object))


def escaped(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with every text safe in plotly, which reads a little HTML in labels."""
    from pandas.api.types import is_numeric_dtype

    copy = frame.copy(deep=False)
    for column in copy.columns:
        if copy[column].dtype == "category":
            copy[column] = copy[column].cat.rename_categories(lambda text: escape(text, quote=False))
        elif not is_numeric_dtype(copy[column]):  # objects, and columns that a figure has added
            copy[column] = [escape(value, quote=False) if isinstance(value, str) else value for value in copy[column]]
    return copy


def _trained(found: Gathered) -> dict[str, Any]:
    """What was trained in words, the name of its metric, and its epochs; readings of a GPU."""
    columns: dict[str, list[Any]] = {name: [None] * len(found.cases) for name in (*TRAINED, SENSED)}
    for place, measurement in found.trained.items():
        series = measurement.training or Training(epoch_s=[])
        said = words(found.cases[place]), series.metric_name or "test metric", series, found.by_round[place]
        for name, value in zip(TRAINED, said, strict=True):
            columns[name][place] = value
    for place, readings in found.sensed.items():
        columns[SENSED][place] = readings
    return {name: texts(values) if name in TRAINED[:2] else _objects(values) for name, values in columns.items()}


def _objects(values: Sequence[Any]) -> pd.Series:
    import pandas as pd

    return pd.Series(values, dtype=object)


def _summary(found: Gathered) -> dict[str, Any]:
    """How many rounds a case has, and of each metric the median over them, the lowest, the highest and its baselines."""
    import numpy as np

    rows = np.frombuffer(found.rows, dtype=np.int64)
    count = len(found.cases)
    columns: dict[str, Any] = {"rounds": np.bincount(rows, minlength=count)}
    names = [_baselines(found, group) for group in range(len(found.groups))]
    columns |= {why_absent(name): texts(map(reasons.get, range(count))) for name, reasons in found.absent.items()}
    nothing, nobody = np.full(count, np.nan), texts([None] * count)
    for metric, group, numbers in zip(found.metrics, found.group_of, found.numbers, strict=True):
        values = np.frombuffer(numbers, dtype=np.float64)
        if np.isnan(values).all():
            columns |= dict(zip(metric_columns(metric), (nothing, nothing, nothing, nobody), strict=True))
        else:
            middle, low, high = over_rounds(rows, values, count)
            columns |= dict(zip(metric_columns(metric), (middle, low, high, _where(names[group], ~np.isnan(middle))), strict=True))
    return columns


def metric_columns(metric: Metric) -> tuple[str, str, str, str]:
    """Return the names of a metric's columns."""
    return metric.name, f"{metric.name} low", f"{metric.name} high", f"{metric.name} against"


def why_absent(metric: str) -> str:
    """Return the name of the column that says why cases have no value of a metric, of which a round at least had none."""
    return f"{metric} absent"


def over_rounds(
    rows: NDArray[np.int64], values: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the median, the lowest and the highest of the values of each row; NaN where it has none.

    Args:
        rows: of each value the place of its row.
        values: NaN where there is none.
        count: number of rows.
    """
    import numpy as np

    there = ~np.isnan(values)
    rows, values = rows[there], values[there]
    values = values[np.lexsort((values, rows))]
    sizes = np.bincount(rows, minlength=count)
    some = sizes > 0
    first = (np.cumsum(sizes) - sizes)[some]
    size = sizes[some]
    low, high, middle = (np.full(count, np.nan) for _ in range(3))
    low[some], high[some] = values[first], values[first + size - 1]
    # As `statistics.median` does it: of an even number the mean of the two in the middle.
    middle[some] = (values[first + (size - 1) // 2] + values[first + size // 2]) / 2
    odd = some & (sizes % 2 == 1)
    middle[odd] = values[(np.cumsum(sizes) - sizes)[odd] + sizes[odd] // 2]
    return middle, low, high


def _baselines(found: Gathered, group: int) -> pd.Categorical:
    """What the metrics of a group are quoted against in each case: the baselines of all its rounds, the most frequent first.

    The fastest kernel of one round need not be that of the next.
    """
    import numpy as np

    names = [*found.names, None]
    rows, codes = np.frombuffer(found.rows, dtype=np.int64), np.frombuffer(found.against[group], dtype=np.int64)
    count = len(found.cases)
    low, high = (each.astype(np.int64) for each in _ends(rows[codes >= 0], codes[codes >= 0], count))
    said = [names[code] for code in low]
    mixed = np.isin(rows, np.flatnonzero(low != high)) & (codes >= 0)
    counts: dict[int, Counter[str | None]] = defaultdict(Counter)
    for row, code in zip(rows[mixed].tolist(), codes[mixed].tolist(), strict=True):
        counts[row][names[code]] += 1
    for row, counted in counts.items():
        said[row] = ", ".join(name for name, _ in counted.most_common() if name)
    return texts(said)


def _ends(rows: NDArray[np.int64], codes: NDArray[np.int64], count: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """The lowest and the highest code of each row, -1 where it has none."""
    import numpy as np

    _, low, high = over_rounds(rows, codes.astype(np.float64), count)
    return np.nan_to_num(low, nan=-1), np.nan_to_num(high, nan=-1)


def _where(column: pd.Categorical, there: NDArray[np.bool_]) -> pd.Categorical:
    """A column of texts with nothing in the rows that are not `there`."""
    import numpy as np
    import pandas as pd

    return column if there.all() else pd.Categorical.from_codes(np.where(there, column.codes, -1), categories=column.categories)
