"""Runs every notebook of the guide, and holds what it shows against what the guide prints of it."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

pytest.importorskip("pandas", reason="the notebooks need pandas: pip install pandas")

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "docs").rglob("*.ipynb"))


def runner():
    spec = importlib.util.spec_from_file_location("run_notebook", ROOT / "docs" / "_ext" / "run_notebook.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shown(cell):
    """What a reader sees of a cell: tags and blanks are those of a version of pandas."""
    text = []
    for output in cell["outputs"]:
        data = output.get("data", {"text/plain": output.get("text")})
        html = re.sub(r"<style.*?</style>", "", "".join(data.get("text/html", data["text/plain"])), flags=re.DOTALL)
        text += re.sub(r"<[^>]*>", " ", html).split()
    return text


def test_there_is_a_notebook():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs_and_shows_what_the_guide_prints(path):
    stored = json.loads(path.read_text(encoding="utf-8"))
    cells = runner().run(stored)["cells"]
    pairs = [(new, old) for new, old in zip(cells, stored["cells"], strict=True) if new["cell_type"] == "code"]
    assert [shown(new) for new, _ in pairs] == [shown(old) for _, old in pairs], f"run: python docs/_ext/run_notebook.py {path}"
    assert sum(bool(shown(new)) for new, _ in pairs) >= len(pairs) - 1
