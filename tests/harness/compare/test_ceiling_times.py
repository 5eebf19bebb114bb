import msgspec
import pytest
from made_runs import case, not_ok, ok, run

from rsc_bench.harness.compare.ceiling_times import at_ceilings, doubt, shares, why_none
from rsc_bench.harness.records.ceilings import Ceilings, Probe

# 100 non-zeros x 8 columns x 4 bytes are gathered, 3,200 bytes; 44 + 400 + 320 + 320 have to move at least: traffic.py.
SIZES = {"rows": 10, "columns": 10}


def reached(gather, samples=(1.0,), device="cpu"):
    """Ceilings of so many bytes a second, of a gather and of a copy; slower samples as multiples of the fastest."""
    made = {"means": "made", "operand_bytes": 2**30, "moved_bytes": 1000, "times_s": [1000 / gather * each for each in samples]}
    return Ceilings(device=device, probes=[Probe(what="gather", row_bytes=32, **made), Probe(what="copy", **made)])


def under(*rounds):
    """A run: the ceilings that each round begins with, or None, and its records."""
    made = run(*(records for _, records in rounds))
    starts = [msgspec.structs.replace(start, ceilings=has) for (start, _), (has, _) in zip(made.rounds, rounds, strict=True)]
    return msgspec.structs.replace(made, rounds=[(start, records) for start, (_, records) in zip(starts, rounds, strict=True)])


def counted(made, what="gather"):
    return [record.measurement.timing.times_s for record in at_ceilings(made, what).records]


def test_a_time_is_a_multiple_of_that_at_the_ceiling():
    made = under((reached(1e9), [ok(case(), 12.8e-6, 6.4e-6, **SIZES)]))
    assert counted(made) == [[pytest.approx(2.0)]]  # of its fastest call: 6.4 us for what takes 3.2
    assert counted(made, "copy") == [[pytest.approx(6.4e-6 / 1084e-9)]]
    assert shares(at_ceilings(made, "gather")) == {case(): pytest.approx(50)}


def test_every_round_is_under_the_ceilings_of_its_own_session():
    records = [ok(case(), 6.4e-6, **SIZES)]
    made = under((reached(1e9), records), (None, records), (reached(2e9), records), (None, records))
    assert [time_s for (time_s,) in counted(made)] == pytest.approx([2, 2, 4, 4])


def test_what_has_no_ceiling_is_left_out():
    of_a_gpu, older, training = case(device="cuda:0"), case("old"), case(model="gcn")
    records = [ok(of_a_gpu, 1e-6, **SIZES), ok(older, 1e-6), ok(training, 1.0, **SIZES), not_ok(case("bad"), "failed", "memory")]
    assert counted(under((reached(1e9), records))) == []
    assert counted(under((None, [ok(case(), 1e-6, **SIZES)]))) == []


@pytest.mark.parametrize(
    ("samples", "off"),
    [
        ((1.0, 1.0, 1.0, 3.0), 0.0),
        ((1.0, 1.1, 2.0, 3.0), 0.1),
        ((1.0, 1.02, 1.05, 1.3, 1.3, 1.4, 1.5, 2.0), 0.05),  # the third of eight
        ((1.0,), 0.0),
    ],
)
def test_a_ceiling_is_as_sure_as_its_fastest_quarter_agrees(samples, off):
    assert doubt(under((reached(1e9, samples), [])), "gather") == pytest.approx(off)


def test_the_least_sure_session_counts():
    made = under((reached(1e9), []), (reached(1e9, (1.0, 1.2)), []), (None, []))
    assert doubt(made, "copy") == pytest.approx(0.2)


def test_a_run_says_why_it_has_none():
    assert why_none(under((reached(1e9), []))) is None
    assert why_none(under((Ceilings(device="cpu", missing="no products"), []))) == "no products"
    assert why_none(under((None, []))) == "it was written before they were measured"
