"""The table that a converted model prints: its layers, and what they did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rsc_bench.kernels.rsc.accelerated import Accelerated
    from rsc_bench.kernels.rsc.conversion.layers import Shared


@dataclass(frozen=True)
class LayerReport:
    """One layer of a model: whether it was converted, and what it did in training."""

    kind: str
    """Name of its class."""
    converted: bool
    """Whether our kernels multiply for it."""
    reason: str | None
    """Why it was not converted; of a converted one, why PyTorch Geometric ran some of its calls itself; None: neither."""
    width: int | None = None
    """Features of its last product in training."""
    products: int = 0
    """Forward products in training by our kernels."""
    kept_products: int = 0
    """How many of them were the one that is kept, because its features stay what they are."""
    own_calls: int = 0
    """Calls that PyTorch Geometric ran itself."""
    spent_share: float | None = None
    """Share of the FLOPs of its backward products that was spent; None: nothing of it is sampled."""
    sampled: bool = False
    """Whether the method samples its backward products, where it has some."""
    saved_s: float | None = None
    """Seconds, by estimate, that its products took less than PyTorch Geometric's own would have; the first of each kind, which
    compiles or loads, is left out of both. None: on a GPU, and while there is no other."""
    forward_s: float | None = None
    """Seconds that its forward products took in training; None: on a GPU, and before any."""
    backward_s: float | None = None
    """Seconds that its backward products took, selecting for them included; None: on a GPU, and before any."""


_HEAD = ("layer", "kind", "converted", "features", "products", "FLOPs spent", "saved")
_ALWAYS = _HEAD[:3]


def table(model: Accelerated) -> str:
    """Return the layers a line each, then why a layer is not converted or was run by PyTorch Geometric, then the whole."""
    layers = model.layers
    rows = [_HEAD, *((name or "(the model)", *_cells(report)) for name, report in layers.items())]
    # An exact model has spent nothing, and an untrained one has not saved anything: no column for that.
    said = [column for column, head in enumerate(_HEAD) if head in _ALWAYS or any(row[column] for row in rows[1:])]
    rows = [tuple(row[column] for column in said) for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(said))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    notes = [f"{name or '(the model)'}: {report.reason}" for name, report in layers.items() if report.reason]
    kept = [f"{name or '(the model)'}: {_kept(report)}" for name, report in layers.items() if report.kept_products]
    return "\n".join([*lines, *notes, *kept, *_whole(model)])


def _cells(report: LayerReport) -> tuple[str, ...]:
    return (
        report.kind,
        "yes" if report.converted else "no",
        "" if report.width is None else str(report.width),
        f"{report.products}{f' of {report.products + report.own_calls}' if report.own_calls else ''}",
        _share(report),
        "" if report.saved_s is None else seconds(report.saved_s),
    )


def _kept(report: LayerReport) -> str:
    return f"its features stay the same: {report.kept_products} of {report.products} products were the one that is kept"


def _share(report: LayerReport) -> str:
    """What a layer has spent; a dash for one that makes products and none that is sampled, as a first layer of features."""
    if report.spent_share is not None:
        return f"{100 * report.spent_share:.3g} %"
    return "–" if report.sampled and report.products else ""


def seconds(value: float) -> str:
    """Return seconds in a fitting unit."""
    return f"{value:.3g} s" if abs(value) >= 0.9995 else f"{1e3 * value:.3g} ms"


def _whole(model: Accelerated) -> list[str]:
    shared = model._shared
    saved = [report.saved_s for report in model.layers.values() if report.saved_s is not None]
    sampled = getattr(model, "sampled_steps", None)
    steps = f"{model.steps} steps" + ("" if sampled is None else f", {sampled} of them sampled")
    share = getattr(model, "spent_share", None)
    exact = model.steps - (sampled or 0)
    undone = getattr(model, "undone_steps", 0)
    counted = f"the {exact} exact steps" + (f" and the {undone} undone ones of the warm-up" if undone else "") + " included"
    spent = "" if share is None else f"; {100 * share:.3g} % of the exact backward FLOPs spent, {counted}"
    sources = shared.sources
    lines = [
        f"{steps}{spent}; kernel {shared.regime.sampler.kernel.name}",
        f"adjacencies: {sources.converted} converted in {seconds(sources.converting_s)}, {model.memory_bytes / 1e6:.3g} MB in use",
    ]
    if sources.kept_bytes:
        lines[-1] += f", {sources.kept_bytes / 1e6:.3g} MB of kept products beside"
    if shared.needed is not None:
        lines.append(str(shared.needed))
    if any(report.forward_s is not None for report in model.layers.values()):
        lines.append(_saved(saved, shared))
    return lines


def _saved(by_layer: Sequence[float], shared: Shared) -> str:
    """The seconds saved, by estimate; what is compiled or loaded once is no part of it, as little as of a thousand epochs."""
    if not by_layer:
        return "what was saved cannot be estimated yet: each product was the first of its kind, which compiles or loads"
    sources, costs = shared.sources, shared.costs
    converting_s = sources.converting_s - sources.first_s + min(sources.first_s, costs.convert_s * sources.first_edges)
    net = f"{seconds(sum(by_layer))} in the products of training, less {seconds(converting_s)} for converting"
    left_out = "the first call of each kind, which compiles or loads, is left out"
    return f"saved {seconds(sum(by_layer) - converting_s)}, by estimate ({net}; {left_out}): {costs}"
