"""Results files of an earlier version stay readable: one of each kind, as version 0.1.0 wrote it."""

import json
from pathlib import Path

import msgspec
import pytest

from rsc_bench.harness.records.file import read
from rsc_bench.harness.records.lines import to_line
from rsc_bench.harness.records.schema import schema

FILES = sorted((Path(__file__).parents[2] / "data" / "results").glob("*.jsonl"))


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def file(request):
    return request.param


def test_there_is_one_of_each_kind():
    assert {path.stem for path in FILES} == {"products", "trainings", "slowed", "imported", "gpu"}


def test_every_record_and_round_is_read(file):
    run = read(file)
    written = lines(file)
    assert len(run.records) == sum("record" in line for line in written) > 0
    assert [start.index for start, _ in run.rounds] == [line["round"]["index"] for line in written if "round" in line]
    assert run.environment == written[0]["run"]["environment"]


def test_what_is_read_is_written_again_as_it_was(file):
    wanted = [line["record"] for line in lines(file) if "record" in line]
    assert [json.loads(msgspec.json.encode(to_line(record))) for record in read(file).records] == wanted


def test_every_line_fits_the_published_schema(file):
    validator = pytest.importorskip("jsonschema", reason="jsonschema is not installed: pip install jsonschema").Draft202012Validator
    assert [error.message for line in lines(file) for error in validator(schema()).iter_errors(line)] == []


def test_a_file_of_the_gpu_has_every_part_that_is_a_gpus():
    measured = [record.measurement for record in read(next(path for path in FILES if path.stem == "gpu")).records]
    first = measured[0]
    assert first.gpu.trace.power_w == [475.0, 475.0]
    assert (first.memory.allocated_peak_bytes, first.memory.reserved_peak_bytes) == (10_000_000, 20_000_000)
    assert (first.timing.launch_s, first.timing.exposed_calls) == ([1e-5] * 20, [0] * 20)
    assert first.gpu.shared_with == ["python (pid 7, 1.0 GiB)"]
    assert [m.gpu.energy is not None or m.gpu.energy_missing is not None for m in measured] == [True] * 8


def test_parts_that_a_case_has_not_are_absent():
    product = read(next(path for path in FILES if path.stem == "products")).records[0].measurement
    training = read(next(path for path in FILES if path.stem == "trainings")).records[0].measurement
    imported = read(next(path for path in FILES if path.stem == "imported")).records[0].measurement
    assert (product.training, product.gpu, product.imported) == (None, None, None)
    assert (training.accuracy, training.gpu, training.imported) == (None, None, None)
    assert len(training.training.epoch_s) == 3
    assert (imported.accuracy, imported.memory, imported.training) == (None, None, None)
    assert imported.imported.summarised_samples > 5
