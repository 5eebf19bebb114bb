import pytest
from made_runs import case, measurement, ok, run, start, written

from rsc_bench.harness.metrics import traffic
from rsc_bench.harness.records.appending import ResultsFile
from rsc_bench.harness.records.ceilings import Ceilings, Probe
from rsc_bench.harness.records.file import read
from rsc_bench.harness.records.run import Round
from rsc_bench.plugins import load

METRICS = load("metric")
GB = 10**9


def gather(operand_bytes, row_bytes, rate_gb, means="embedding_bag"):
    times_s = [9.0, 1 / rate_gb]
    return Probe(what="gather", means=means, operand_bytes=operand_bytes, row_bytes=row_bytes, moved_bytes=GB, times_s=times_s)


# A cache of 1000 bytes: from half of it gathers reach 60 and 90 GB/s, from all of it 40 and 80, from eight 10 and 20; a copy 30.
CEILINGS = Ceilings(
    device="cpu",
    cache_bytes=1000,
    probes=[
        Probe(what="copy", means="copy_", operand_bytes=4000, moved_bytes=GB, times_s=[9.0, 1 / 30]),
        gather(500, 64, 60),
        gather(500, 1024, 90),
        gather(1000, 64, 40),
        gather(1000, 1024, 80),
        gather(8000, 64, 10),
        gather(8000, 1024, 20),
    ],
)
# 10 x 20, 40 non-zeros with values, d = 8 in float32.
CASE = case(width=8)
EXACT = measurement(1e-6, nnz=40, kept_nnz=40, rows=10, columns=20, value_bytes=4)


def test_a_rate_is_that_of_the_fastest_sample():
    assert CEILINGS.copy() == pytest.approx(30 * GB)


@pytest.mark.parametrize(
    ("operand_bytes", "row_bytes", "rate_gb"),
    [(0, 64, 60), (500, 64, 60), (1000, 64, 40), (8000, 64, 10), (10**12, 64, 10), (1000, 900, 80), (8000, 2048, 20)],
)
def test_a_gather_is_under_the_ceiling_of_its_operands_size_and_of_the_nearest_rows(operand_bytes, row_bytes, rate_gb):
    assert CEILINGS.gather(row_bytes, operand_bytes) == pytest.approx(rate_gb * GB)


# A cache of 1000 bytes that is read at 40 GB/s holds an eighth of an operand of 8000, from which 10 GB/s come.
def test_between_two_sizes_a_gather_is_as_fast_as_the_share_of_it_that_a_cache_holds():
    cache_s, memory_s = 1 / 40, (1 / 10 - 1 / 8 / 40) / (7 / 8)
    assert CEILINGS.gather(64, 2000) == pytest.approx(GB / (cache_s / 2 + memory_s / 2)), "a half is in the cache"
    assert CEILINGS.gather(64, 4000) == pytest.approx(GB / (cache_s / 4 + 3 * memory_s / 4))


def test_an_operand_of_more_than_half_a_cache_is_not_held_against_what_half_a_cache_reaches():
    assert 40 * GB < CEILINGS.gather(64, 750) < 60 * GB


def test_a_ceiling_only_falls_as_the_operand_grows():
    rates = [CEILINGS.gather(64, size) for size in range(400, 9000, 50)]
    assert rates == sorted(rates, reverse=True)


def test_a_cache_of_unknown_size_takes_no_rate_of_memory_for_another():
    unknown = Ceilings(device="cpu", probes=CEILINGS.probes)
    assert (unknown.gather(64, 500), unknown.gather(64, 8000)) == (pytest.approx(60 * GB), pytest.approx(10 * GB))


def test_of_two_means_the_faster_is_the_ceiling():
    both = Ceilings(
        device="cuda:0", cache_bytes=1, probes=[gather(9, 64, 10), gather(9, 64, 50, "triton"), gather(9, 64, 20, "other")]
    )
    assert both.gather(64, 9) == pytest.approx(50 * GB)


def test_without_probes_there_is_no_ceiling():
    assert Ceilings(device="cpu", missing="no memory").copy() is None
    assert Ceilings(device="cpu", missing="no memory").gather(64, 9) is None


def test_the_traffic_of_an_exact_product():
    did = traffic.traffic_of(CASE, EXACT)
    assert did.flops == 2 * 40 * 8
    assert did.gathered_bytes == 40 * 8 * 4
    # Offsets 11 x 4, columns and values 40 x (4 + 4), operand 20 x 8 x 4, result 10 x 8 x 4.
    assert did.compulsory_bytes == 44 + 320 + 640 + 320
    assert did.intensity == 640 / 1324


def test_values_that_no_kernel_needs_are_not_compulsory():
    pattern = measurement(1e-6, nnz=40, kept_nnz=40, rows=10, columns=20, value_bytes=0)
    assert traffic.traffic_of(CASE, pattern).compulsory_bytes == 44 + 160 + 640 + 320


def test_half_precision_halves_the_dense_bytes():
    did = traffic.traffic_of(case(width=8, dtype="bfloat16"), EXACT)
    assert (did.gathered_bytes, did.row_bytes, did.operand_bytes) == (640, 16, 320)


def test_a_sampled_product_counts_what_it_kept_and_the_time_of_its_multiply():
    kept = measurement(1e-6, multiply_s=[5e-7, 4e-7], select_s=[1e-7], nnz=40, kept_nnz=10, kept_pairs=5, rows=10, columns=20)
    did = traffic.traffic_of(case("topk(mkl)", width=8, budget=0.25), kept)
    assert (did.seconds, did.flops, did.operand_bytes) == (4e-7, 160, 5 * 32)


def test_sddmm_reads_both_operands_and_writes_one_number_for_each_non_zero():
    dots = traffic.traffic_of(case(width=8, suite="sddmm"), EXACT)
    product = traffic.traffic_of(CASE, EXACT)
    assert (dots.flops, dots.gathered_bytes, dots.operand_bytes) == (product.flops, product.gathered_bytes, product.operand_bytes)
    # Rows that a product writes are read in their place; the 40 non-zeros have 4 bytes each.
    assert dots.compulsory_bytes == product.compulsory_bytes + 160


def test_a_training_and_an_unknown_dtype_have_no_traffic():
    assert traffic.traffic_of(CASE, measurement(1.0, epoch_s=[1.0])) is None
    assert traffic.traffic_of(case(dtype="float8"), EXACT) is None


# In a microsecond 1280 bytes are gathered, 1.28 GB/s; 1324 are compulsory; 640 FLOPs are done. The operand has 640 bytes: of
# the way from half a cache to a whole one in one over the size, (1/500 - 1/640) / (1/500 - 1/1000) = 7/16.
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("arithmetic", 0.64),
        ("bandwidth", 1.324),
        ("gather rate", 1.28),
        ("compulsory", 1324e-6),
        ("gathered", 1280e-6),
        ("share of copy", 100 * 1.324 / 30),
        ("share of gather", 100 * 1.28 * (9 / 16 / 60 + 7 / 16 / 40)),
    ],
)
def test_the_metrics_of_the_roofline(name, expected):
    assert METRICS[name].value(CASE, EXACT, None, CEILINGS) == pytest.approx(expected)


UNMEASURED = Ceilings(device="cpu", missing="no memory")
ELSEWHERE = Ceilings(device="cuda:0", cache_bytes=1000, probes=CEILINGS.probes)


@pytest.mark.parametrize("name", ["share of copy", "share of gather"])
@pytest.mark.parametrize(
    "ceilings", [None, Ceilings(device="cpu", missing="no memory"), Ceilings(device="cuda:0", probes=CEILINGS.probes)]
)
def test_a_share_is_absent_without_ceilings_of_the_device(name, ceilings):
    assert METRICS[name].value(CASE, EXACT, None, ceilings) is None


@pytest.mark.parametrize("name", ["bandwidth", "compulsory", "share of copy", "share of gather"])
def test_what_needs_the_shape_is_absent_in_a_file_without_it(name):
    assert METRICS[name].value(CASE, measurement(1.0), None, CEILINGS) is None


def test_a_metric_without_need_of_the_case_is_what_it_was():
    assert METRICS["latency"].value(CASE, EXACT, None, None) == pytest.approx(1e-3)


def test_ceilings_stand_in_the_line_of_a_round_and_hold_until_the_next_ones(tmp_path):
    path = written(tmp_path / "run.jsonl", [ok(CASE, 1.0)])  # a round of a session that had none
    file = ResultsFile(path, run().environment)
    for index, ceilings in ((2, CEILINGS), (3, None)):
        file.start_round(Round(index=index, of=3, cases=1, started="2026-01-01T00:00:00Z", ceilings=ceilings))
    file.close()
    assert read(path).ceilings == [None, CEILINGS, CEILINGS]


def test_a_round_without_ceilings_is_written_as_it_always_was(tmp_path):
    path = written(tmp_path / "run.jsonl", [ok(CASE, 1.0)])
    assert b"ceilings" not in path.read_bytes()
    assert start().ceilings is None
