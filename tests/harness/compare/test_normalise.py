"""Two made devices whose ceilings are round numbers, so that what each kernel may expect of them is seen at a glance."""

import re

import msgspec
import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")
pytest.importorskip("rich", reason="rich is not installed: pip install rich")

from made_runs import MACHINE, case, not_ok, ok, run

from rsc_bench.cli import main
from rsc_bench.harness.compare.normalise import OneDeviceError, gathered, normalise
from rsc_bench.harness.compare.reasons import Differs, NoCeiling, TooFew
from rsc_bench.harness.output import terminal
from rsc_bench.harness.output.console import Screen
from rsc_bench.harness.output.wording import reason_text, remarks
from rsc_bench.harness.records.appending import ResultsFile
from rsc_bench.harness.records.ceilings import Ceilings, Probe

# 100 non-zeros x 8 columns x 4 bytes are gathered, 3,200 bytes; 44 + 400 + 320 + 320 have to move at least: traffic.py.
SIZES = {"rows": 10, "columns": 10, "nnz": 100, "kept_nnz": 100}
GATHERED, COMPULSORY = 3200, 1084
ON = case(device="cuda:0", clock="cuda_cold")
NOISE = (1.0, 1.001, 0.999, 1.002)


def ceilings(gather=1e9, copy=1e9, off=0.0, device="cuda:0"):
    """What reaches so many bytes a second; the median of its samples is off by a share."""
    made = {"means": "made", "operand_bytes": 2**30, "moved_bytes": 1000}
    probes = [
        Probe(what=what, times_s=[1000 / rate * slow for slow in (1, 1 + off, 1 + off)], row_bytes=row_bytes, **made)
        for what, rate, row_bytes in (("gather", gather, 32), ("copy", copy, None))
    ]
    return Ceilings(device=device, probes=probes)


def on(name, has, *seconds, of=ON, **parts):
    """A run on a device of this name with these ceilings: four rounds of each of these cases."""
    environment = MACHINE | {"gpus": [{"name": name, "driver": f"driver of {name}"}]} | parts.pop("environment", {})
    cases = {of: seconds[0]} if len(seconds) == 1 and isinstance(seconds[0], float) else dict(seconds)
    rounds = [[ok(each, time_s * noise, **SIZES | parts) for each, time_s in cases.items()] for noise in NOISE]
    made = run(*rounds, environment=environment, path=f"{name}.jsonl")
    return with_ceilings(made, has)


def with_ceilings(made, has):
    starts = [msgspec.structs.replace(start, ceilings=has if place == 0 else None) for place, (start, _) in enumerate(made.rounds)]
    rounds = [(start, records) for start, (_, records) in zip(starts, made.rounds, strict=True)]
    return msgspec.structs.replace(made, rounds=rounds)


def only(comparison):
    (verdict,) = comparison.verdicts
    return verdict


OLD = on("old", ceilings(gather=1e9, copy=1e9), 6.4e-6)  # 50 % of gathering
TWICE = ceilings(gather=2e9, copy=2e9)


def test_a_time_that_follows_the_ceilings_is_the_device_s():
    found = normalise(OLD, on("new", TWICE, 3.2e-6))
    verdict = only(found)
    assert (verdict.change, verdict.cause, verdict.ratio) == ("same", "device", pytest.approx(1, abs=0.01))
    assert reason_text(verdict.reason) == "the device's: time 0.500, 50 % -> 50 % of gather, 16.9 % -> 16.9 % of copy"
    assert found.exit_status == 0


def test_a_kernel_that_makes_less_of_a_faster_device_is_slower_though_its_time_is_less():
    found = normalise(OLD, on("new", TWICE, 4.8e-6))  # twice the device, three quarters of the time: 1.5
    verdict = only(found)
    assert (verdict.change, verdict.cause, verdict.ratio) == ("slower", "kernel", pytest.approx(1.5, rel=0.01))
    assert reason_text(verdict.reason).startswith("the kernel's: time 0.750, 50 % -> 33.3 % of gather")
    assert found.exit_status == 1


def test_a_kernel_that_makes_more_of_a_device_is_faster_and_fails_nothing():
    found = normalise(OLD, on("new", TWICE, 2.4e-6))
    assert (only(found).change, only(found).cause, found.exit_status) == ("faster", "kernel", 0)


def test_where_neither_changed_nothing_is_blamed():
    verdict = only(normalise(OLD, on("new", ceilings(), 6.4e-6)))
    assert (verdict.change, verdict.cause) == ("same", None)


def test_between_what_copy_and_gather_lead_one_to_expect_it_is_the_device_s():
    found = normalise(OLD, on("new", ceilings(gather=1.2e9, copy=3e9), 3.2e-6))
    parts = {part.metric: part.change for part in only(found).parts}
    assert parts == {"time": "faster", "time at gather ceiling": "faster", "time at copy ceiling": "slower"}
    assert (only(found).change, only(found).cause) == ("same", "device")


def test_one_ceiling_that_explains_it_is_enough():
    verdict = only(normalise(OLD, on("new", ceilings(gather=2e9, copy=4e9), 3.2e-6)))
    assert (verdict.change, verdict.cause) == ("same", "device")


def test_what_is_in_doubt_about_the_ceilings_widens_the_threshold():
    surely = only(normalise(OLD, on("new", ceilings(), 7.0e-6)))
    off = normalise(OLD, on("new", ceilings(off=0.1), 7.0e-6))
    assert (surely.change, only(off).change) == ("slower", "same")
    assert only(off).margin == pytest.approx(0.15)
    assert any("widened by 10 %, by which it may be off" in remark for remark in remarks(off))


def test_selecting_counts_though_no_ceiling_is_about_it():
    of = case("topk(mkl)", budget=0.1, device="cuda:0", clock="cuda_cold")
    base = on("old", ceilings(), 6.4e-6, of=of, multiply_s=[1e-6], kept_pairs=10)
    new = on("new", TWICE, 6.4e-6, of=of, multiply_s=[0.5e-6], kept_pairs=10)
    assert (only(normalise(base, new)).change, only(normalise(base, new)).cause) == ("slower", "kernel")


@pytest.mark.parametrize("lacking", [None, Ceilings(device="cuda:0", missing="no products"), ceilings(device="cpu")])
def test_without_ceilings_it_cannot_be_judged(lacking):
    found = normalise(OLD, on("new", lacking, 3.2e-6))
    assert (only(found).change, only(found).reason) == ("unclear", NoCeiling())
    assert found.exit_status == 3


def test_a_file_without_ceilings_is_named_with_the_reason_and_the_remedy():
    older = normalise(OLD, on("new", None, 3.2e-6)).notes
    other = normalise(on("old", Ceilings(device="cuda:0", missing="no products"), 3.2e-6), on("new", TWICE, 3.2e-6)).notes
    assert older[0] == (
        "new.jsonl: has no ceilings (it was written before they were measured): measure again, "
        "or compare times alone with --across machines"
    )
    assert other[0].startswith("old.jsonl: has no ceilings (no products)")


def test_a_case_that_is_missing_or_broken_stays_so():
    other = case("mine", device="cuda:0", clock="cuda_cold")
    base = on("old", ceilings(), (ON, 6.4e-6), (other, 6.4e-6))
    gone = normalise(base, on("new", TWICE, 3.2e-6))
    wrong = on("new", TWICE, 3.2e-6)
    wrong.rounds[0][1].append(not_ok(other, "wrong", "error 0.3"))
    assert [verdict.change for verdict in gone.verdicts] == ["same", "missing"]
    assert [verdict.change for verdict in normalise(base, wrong).verdicts] == ["same", "broken"]
    assert gone.exit_status == 1


def test_another_driver_comes_with_the_device_but_another_torch_is_the_user_s():
    other = {"versions": {"torch": "2.99.0"}}
    found = normalise(OLD, on("new", TWICE, 3.2e-6, environment=other))
    assert (only(found).change, only(found).reason) == ("unclear", Differs((("versions", ("versions.torch",)),)))
    assert found.exit_status == 3
    assert any("--across versions" in remark for remark in remarks(found))
    assert normalise(OLD, on("new", TWICE, 3.2e-6, environment=other), across={"versions"}).exit_status == 0


def test_the_driver_is_named_with_the_machine():
    found = normalise(OLD, on("new", TWICE, 3.2e-6))
    assert found.obstacles == {"machines": ("gpus.0.name", "gpus.0.driver")}


def test_two_graphs_under_one_name_are_not_two_devices():
    found = normalise(on("old", ceilings(), 6.4e-6, graph_digest="a"), on("new", TWICE, 3.2e-6, graph_digest="b"))
    assert (only(found).change, only(found).reason) == ("unclear", Differs((("graphs", ()),)))


def test_few_rounds_are_too_few_here_too():
    base, new = (msgspec.structs.replace(made, rounds=made.rounds[:2]) for made in (OLD, on("new", TWICE, 3.2e-6)))
    assert only(normalise(base, new)).reason == TooFew("rounds", (2, 2))


def test_a_reader_sees_whose_the_differences_are_and_what_the_devices_promise():
    other = case("mine", device="cuda:0", clock="cuda_cold")
    found = normalise(on("old", ceilings(), (ON, 6.4e-6), (other, 6.4e-6)), on("new", TWICE, (ON, 3.2e-6), (other, 6.4e-6)))
    text = terminal.text(found, Screen(width=200, every_case=True))
    assert "by gather the devices alone would make times 0.500 of base's (median of 2 cases)" in text
    assert "the difference is in 1 the device's and in 1 the kernel's; --all lists every case" in text
    assert re.search(r"worse +│ +6\.\d+ µs +│ +6\.\d+ µs +│ +2\.00.*mine: normalised time", text)


def written(path, made):
    file = ResultsFile(path, made.environment)
    for start, records in made.rounds:
        file.start_round(start)
        for record in records:
            file.append(record)
    file.close()
    return str(path)


def test_the_command_line_normalises(tmp_path, capsys):
    base, new = written(tmp_path / "old.jsonl", OLD), written(tmp_path / "new.jsonl", on("new", TWICE, 3.2e-6))
    assert main(["compare", base, new]) == 3  # two machines
    assert main(["compare", base, new, "--normalise"]) == 0
    assert "the device's" in capsys.readouterr().out
    assert main(["compare", base, new, "--normalise", "--metric", "memory"]) == 2
    assert capsys.readouterr().err == "error: --normalise judges times, and takes no --metric: leave one of them out\n"
    assert main(["compare", base, new, "--normalise", "--across", "clocks"]) == 2
    assert capsys.readouterr().err == "error: --normalise needs one clock, and takes no --across clocks: leave one of them out\n"
    with pytest.raises(ValueError, match="by one clock"):
        normalise(OLD, OLD, across={"clocks"})


def test_what_is_kept_of_a_record_gives_the_same_verdicts_and_is_its_fastest_sample():
    new = on("new", TWICE, 3.2e-6)
    kept = gathered(OLD), gathered(new)
    assert normalise(*kept).verdicts == normalise(OLD, new).verdicts
    assert {len(record.measurement.timing.times_s) for run in kept for record in run.records} == {1}
    assert len({id(record.case) for record in kept[0].records}) == 1 < len(kept[0].records)


def test_two_runs_of_one_device_are_refused():
    again = on("old", ceilings(), 3.2e-6)
    with pytest.raises(OneDeviceError, match=r"old.jsonl and old.jsonl are of one device, whose times are compared as they are"):
        normalise(OLD, again)
    newer_driver = msgspec.structs.replace(again, environment=MACHINE | {"gpus": [{"name": "old", "driver": "newer"}]})
    with pytest.raises(OneDeviceError):
        normalise(OLD, newer_driver)


def test_the_command_line_refuses_two_runs_of_one_device_in_one_line(tmp_path, capsys):
    base, new = written(tmp_path / "old.jsonl", OLD), written(tmp_path / "again.jsonl", OLD)
    assert main(["compare", base, new, "--normalise"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (f"error: --normalise: {base} and {new} are of one device, whose times are compared as they are: leave it out\n")
