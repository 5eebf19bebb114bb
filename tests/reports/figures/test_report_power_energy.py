import pytest

pytest.importorskip("pandas", reason="pandas is not installed: pip install pandas")
pytest.importorskip("plotly", reason="plotly is not installed: pip install plotly")

from synthetic_results import case, ok, write_results
from synthetic_telemetry import REFUSED, on_gpu, telemetry

from rsc_bench.harness.records.file import read
from rsc_bench.reports.figures.power_energy import FIGURE
from rsc_bench.reports.tables.table import read_table


def figure_of(tmp_path, *rounds):
    return FIGURE.draw(read_table([read(write_results(tmp_path / "run.jsonl", list(rounds)))]).escaped())


def bars(figure):
    """Idle power, power above it and energy, each by kernel."""
    return [dict(zip(trace.y, trace.x, strict=True)) for trace in figure.data]


def test_power_is_split_into_idle_and_the_rest_and_energy_stands_beside_it(tmp_path):
    idle, above, energy = bars(figure_of(tmp_path, on_gpu()))
    assert idle["cusparse"] == pytest.approx(75)
    assert above["cusparse"] == pytest.approx(400)  # of 475 W
    assert energy == pytest.approx({"cusparse": 500, "rows_triton": 400, "topk(rows_triton)": 50, "topk(cusparse)": 0})


def test_exact_kernels_come_first_and_the_frugal_before_the_hungry(tmp_path):
    assert list(bars(figure_of(tmp_path, on_gpu()))[2]) == ["rows_triton", "cusparse", "topk(rows_triton)", "topk(cusparse)"]


def test_what_was_not_measured_says_so_with_its_reason(tmp_path):
    _, power, energy = figure_of(tmp_path, on_gpu()).data
    assert energy.text[-1].replace("<br>", " ") == f"not measured: {REFUSED}"
    assert power.text[-1] == "not measured"
    assert power.customdata[-1] == "not measured: GPU is lost"


def test_the_energy_of_a_kernel_is_found_under_whichever_clock_has_it(tmp_path):
    text = figure_of(tmp_path, on_gpu()).data[2].text
    assert text[:2] == ("400 mJ", "500 mJ")
    assert not any("measured once" in entry for entry in text)


def test_energy_of_the_first_round_stands_for_all_rounds(tmp_path):
    later = [ok(case("cusparse", device="cuda:0", clock="cuda_hot"), 2.0, telemetry=telemetry(400.0), energy_missing="earlier")]
    assert bars(figure_of(tmp_path, on_gpu(), later))[2]["cusparse"] == pytest.approx(500)


def test_the_state_of_the_gpu_stands_on_the_bar(tmp_path):
    assert figure_of(tmp_path, on_gpu()).data[1].customdata[0] == "475 W, 1980 MHz, 45 °C, 5 % of samples throttled"


def test_a_file_without_gpu_readings_and_one_from_a_cpu_have_no_such_figure(tmp_path):
    assert figure_of(tmp_path, [ok(case("cusparse", device="cuda:0"), 2.0)]) is None
    (tmp_path / "run.jsonl").unlink()
    assert figure_of(tmp_path, [ok(case(), 2.0)]) is None


def test_exact_kernels_alone_are_a_panel_too(tmp_path):
    exact = [record for record in on_gpu() if record.case.budget is None]
    assert figure_of(tmp_path, exact).layout.meta["fixed"]["budget"] == "none"


def test_a_reason_cannot_bring_markup_to_the_page(tmp_path):
    records = [ok(case("cusparse", device="cuda:0"), 2.0, energy_missing="<b>", telemetry_missing="<b>")]
    _, power, energy = figure_of(tmp_path, records).data
    assert "<b>" not in f"{power.customdata} {energy.text} {energy.customdata}"
