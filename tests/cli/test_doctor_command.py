import json

import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")

from rsc_bench.cli._options import STDOUT
from rsc_bench.cli.doctor import show_findings
from rsc_bench.harness.machine.doctor import Finding


@pytest.mark.parametrize(("state", "status"), [("hint", 0), ("missing", 1)])
def test_it_exits_1_only_where_something_required_is_missing(capsys, state, status):
    findings = [Finding("a", state, "summary", "do")]
    assert show_findings(findings, as_json=None) == status
    assert "summary" in capsys.readouterr().out
    assert show_findings(findings, as_json=STDOUT) == status
    assert json.loads(capsys.readouterr().out)["findings"] == [{"name": "a", "state": state, "summary": "summary", "remedy": "do"}]
