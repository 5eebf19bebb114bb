"""Says which cases spent clearly less than their budget, which stands beside their error and speed."""

from __future__ import annotations

from rsc_bench.harness.metrics.error import SPENT
from rsc_bench.reports.tables.table import Table


def unspent(table: Table) -> list[str]:
    """Return a sentence for each graph and budget of which a kernel left a part unspent: which kernels, and what they spent."""
    cases = table.cases
    if not {"kept", "budget", "selection"} <= {*cases}:
        return []
    sampled = cases[cases["model"].isna() & cases["selection"].notna() & cases["kept"].notna()]
    few = sampled[sampled["kept"] < 100 * SPENT * sampled["budget"].astype(float)]
    several = len(table.sources) > 1
    found = []
    for (file, graph, budget), group in few.groupby(["file", "graph", "budget"], observed=True, sort=True):
        kernels = ", ".join(sorted(group["kernel"].unique()))
        low, high = group["kept"].min(), group["kept"].max()
        spent = f"{low:.2g}" if f"{low:.2g}" == f"{high:.2g}" else f"{low:.2g} to {high:.2g}"
        found.append(
            f"{f'{file}: ' if several else ''}{graph}: {kernels} spent {spent} % of the FLOPs of a budget of {100 * budget:g} %"
        )
    return found
