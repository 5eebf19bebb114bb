"""What `import reports` gives in a checkout: one line that says the import of today."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("statement", ["import reports", "from reports.figures import Figure"])
def test_an_import_of_before_gets_one_line_that_says_the_one_of_today(statement):
    done = subprocess.run([sys.executable, "-c", statement], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    message = done.stderr.splitlines()[-1]
    assert message.startswith(f"ImportError: {ROOT}/reports is a folder of RSC Bench and is imported as rsc_bench.reports: ")
    assert "`from rsc_bench.reports.figures import Figure`" in message
