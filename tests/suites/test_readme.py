"""What the README tells a newcomer to write does what it says."""

import re

from running_pytest import QUICK, ROOT

from rsc_bench.harness.records.file import read


def test_the_kernel_in_the_readme_is_measured_from_a_file_of_its_own(tmp_path, warm_suites):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (code,) = (block for block in blocks if "KERNEL =" in block)
    (tmp_path / "mine.py").write_text(code)
    results = tmp_path / "run.jsonl"
    options = ("--rounds", 1, "--kernel", tmp_path / "mine.py", "--results", results, "--benchmark-only")
    ended = warm_suites("--benchmark", *QUICK, *options)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    status = {record.case.kernel: record.status for record in read(results).records}
    assert status["mine"] == status["topk(mine)"] == status["cached_topk(mine)"] == status["mkl"] == "ok"


def test_an_exact_kernel_alone_is_a_sweep(tmp_path, warm_suites):
    results = tmp_path / "run.jsonl"
    ended = warm_suites("--benchmark", *QUICK, "--rounds", 1, "--kernel", "mkl", "--results", results)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert {record.case.suite for record in read(results).records} == {"exact"}
