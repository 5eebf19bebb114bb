import msgspec
import pytest
from made_runs import measurement

from rsc_bench.harness.records.measurement import PARTS, Flat, coldness, from_flat, to_flat


@pytest.mark.parametrize("times_s", [[], [0.0], [-1.0], [float("nan")], [1.0, float("inf")]])
def test_a_time_is_positive_and_finite(times_s):
    with pytest.raises(ValueError, match="times_s must be positive, finite and not empty"):
        measurement(*times_s)


@pytest.mark.parametrize("error", [float("nan"), float("inf")])
def test_an_error_is_finite(error):
    with pytest.raises(ValueError, match="rel_error must be finite"):
        measurement(1.0, rel_error=error)


def test_a_case_has_only_the_parts_of_which_something_was_observed():
    assert has(measurement(1.0, rel_error=None)) == {"timing", "matrix"}
    assert has(measurement(1.0, rel_error=0.1, peak_bytes=7)) == {"timing", "matrix", "accuracy", "memory"}
    assert has(measurement(1.0, throttled=[])) == {"timing", "matrix", "accuracy", "gpu"}
    assert has(measurement(1.0, epoch_s=[1.0], rel_error=None)) == {"timing", "matrix", "training"}
    assert has(measurement(1.0, summarised_samples=5)) == {"timing", "matrix", "accuracy", "imported"}


def has(of):
    return {part for part in PARTS if getattr(of, part) is not None}


def test_no_field_is_in_two_parts():
    assert len(Flat.__struct_fields__) == sum(len(kind.__struct_fields__) for kind in PARTS.values())


def test_a_measurement_becomes_flat_and_whole_again():
    whole = measurement(1.5, select_s=[0.5], peak_bytes=7, throttled=[0], epoch_s=[1.5], loss=[0.3])
    assert from_flat(to_flat(whole)) == whole


def test_what_a_line_always_names_is_null_where_it_is_absent():
    named = {"times_s", "select_s", "prepare_s", "rel_error", "nnz", "kept_nnz", "peak_bytes"}
    assert set(msgspec.to_builtins(to_flat(measurement(1.0, rel_error=None)))) == named


def test_a_flush_is_as_cold_as_its_reads_are_near_to_those_from_memory():
    assert coldness({"hot": [1.0], "flushed": [2.5], "memory": [3.0]}) == pytest.approx(0.75)
    assert coldness({"hot": [1.0], "flushed": [1.1], "memory": [1.1]}) is None, "memory is as fast as the L2"
