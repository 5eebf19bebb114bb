"""Products in fresh and in kept memory are drawn apart by every figure, and only where there are both."""

import msgspec
import pytest

pytest.importorskip("pandas", reason="pandas is not installed: pip install pandas")
pytest.importorskip("plotly", reason="plotly is not installed: pip install plotly")

from synthetic_results import ENVIRONMENT, Sweep, case, ok, sweep, write_results
from synthetic_telemetry import on_gpu

from rsc_bench.harness.records.file import read
from rsc_bench.plugins import load
from rsc_bench.reports.drawing.stored import stored
from rsc_bench.reports.tables.histories import histories
from rsc_bench.reports.tables.rows import MEMORY_SETTING
from rsc_bench.reports.tables.table import read_table

FIGURES = load("figure")
OF_PRODUCTS = ("error_speedup", "speedup_budget", "select_multiply", "exact_kernels", "exact_error", "roofline", "break_even")


def kept(records, factor=0.5):
    """The same cases in kept memory, in another time."""
    found = []
    for record in records:
        measured = record.measurement
        if measured is not None:
            timing = measured.timing
            parts = {name: [factor * s for s in getattr(timing, name) or []] or None for name in ("select_s", "multiply_s")}
            timing = msgspec.structs.replace(timing, times_s=[factor * s for s in timing.times_s], **parts)
            measured = msgspec.structs.replace(measured, timing=timing)
        of = msgspec.structs.replace(record.case, freed_memory="kept")
        found.append(msgspec.structs.replace(record, case=of, measurement=measured))
    return found


def table_of(folder, records, name="run.jsonl", environment=ENVIRONMENT):
    folder.mkdir(exist_ok=True)
    return read_table([read(write_results(folder / name, [records], environment))])


FRESH = sweep(Sweep(rounds=1))[0]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return table_of(tmp_path_factory.mktemp("alone"), FRESH)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    return table_of(tmp_path_factory.mktemp("both"), [*FRESH, *kept(FRESH)])


def panels_of(name, table):
    """Each panel: what it shows, what all of them show included, and its traces."""
    drawing = stored(FIGURES[name].draw(table.escaped()))
    whole = [drawing["fixed"] | panel["where"] for panel in drawing["panels"]]
    drawn = [[drawing["traces"][place] | drawing["styles"][drawing["traces"][place]["style"]] for place in panel["traces"]]
             for panel in drawing["panels"]]  # fmt: skip
    for traces in drawn:
        for trace in traces:
            trace.pop("style")
    return list(zip(whole, drawn, strict=True))


@pytest.mark.parametrize("name", OF_PRODUCTS)
def test_a_figure_draws_fresh_memory_as_if_there_were_no_other_and_kept_memory_in_panels_of_its_own(name, alone, both):
    plain, apart = panels_of(name, alone), panels_of(name, both)
    assert not any(MEMORY_SETTING in where for where, _ in plain), "nobody asks"
    fresh = [(where | {MEMORY_SETTING: None}, traces) for where, traces in apart if where[MEMORY_SETTING] == "fresh memory"]
    assert [traces for _, traces in fresh] == [traces for _, traces in plain]
    assert [where for where, _ in fresh] == [where | {MEMORY_SETTING: None} for where, _ in plain]
    assert len([where for where, _ in apart if where[MEMORY_SETTING] == "kept memory"]) == len(plain)


def test_every_figure_that_draws_these_products_is_looked_at(both):
    assert {name for name, figure in FIGURES.items() if figure.draw(both.escaped()) is not None} == {*OF_PRODUCTS}


def test_a_speedup_is_against_the_same_memory(both):
    rows = {(row["kernel"], row["budget"], row[MEMORY_SETTING]): row for row in both.products if row["graph"] == "twin:reddit2@0.1"}
    fresh, other = (rows["topk(mkl)", 0.1, memory]["speedup"] for memory in ("fresh memory", "kept memory"))
    assert other == pytest.approx(fresh), "both sides take half the time"


def test_what_was_measured_on_a_gpu_has_neither_memory_and_its_power_is_drawn(tmp_path):
    table = table_of(tmp_path, [*kept([ok(case("mkl"), 4)]), *on_gpu("ring")])
    assert {row[MEMORY_SETTING] for row in table.products} == {"kept memory", "GPU memory"}
    assert {where[MEMORY_SETTING] for where, _ in panels_of("power_energy", table)} == {"GPU memory"}


def test_devices_stand_side_by_side_within_each_memory_and_a_gpu_by_both(tmp_path):
    def measured(kernel_ms, name):
        records = [ok(case("mkl"), kernel_ms), *kept([ok(case("mkl"), kernel_ms)])]
        return write_results(tmp_path / f"{name}.jsonl", [records], ENVIRONMENT | {"cpu": {"model": name}})

    paths = [measured(4, "OLD"), measured(2, "NEW")]
    gpu = ENVIRONMENT | {"gpus": [{"name": "GPU"}]}
    paths.append(write_results(tmp_path / "gpu.jsonl", [[ok(case("mkl", device="cuda:0"), 1)]], gpu))
    found = panels_of("devices", read_table([read(path) for path in paths]))
    for memory, times in (("fresh memory", {"OLD": 4, "NEW": 2, "GPU": 1}), ("kept memory", {"OLD": 2, "NEW": 1, "GPU": 1})):
        ((_, traces),) = (each for each in found if each[0][MEMORY_SETTING] == memory and each[0]["share of"] == "copy")
        assert {trace["name"]: trace["x"] for trace in traces if trace.get("xaxis") == "x2"} == {
            name: [time_ms] for name, time_ms in times.items()
        }


def test_a_history_is_of_each_memory(tmp_path):
    paths = [write_results(tmp_path / f"{day}.jsonl", [[ok(case("mkl"), 4), *kept([ok(case("mkl"), 4)])]]) for day in range(3)]
    (found,) = histories(read_table([read(path) for path in paths]).escaped())
    assert {series.case: series.times for series in found.series} == {
        "mkl ring d=64 float32 cpu host": (4, 4, 4),
        "mkl ring d=64 float32 cpu host freed_memory=kept": (2, 2, 2),
    }
