"""What `import kernels` gives in a checkout: one line that says the import of today."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


BOTH = """
from importlib.util import find_spec
import kernels
print(kernels.NAME)
print(find_spec("rsc_bench.kernels").origin)
"""


def run(code, folder):
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("statement", ["import kernels", "from kernels import Csr, Kernel", "from kernels.rsc import approximate"])
def test_an_import_of_before_gets_one_line_that_says_the_one_of_today(statement):
    done = run(statement, ROOT)
    assert done.returncode == 1
    message = done.stderr.splitlines()[-1]
    assert message.startswith(f"ImportError: {ROOT}/kernels is a folder of RSC Bench and is imported as rsc_bench.kernels: ")
    assert "`from rsc_bench import Csr, Kernel`" in message
    assert "`from rsc_bench import approximate` in place of `from kernels.rsc import approximate`" in message
    assert message.endswith("to use the package `kernels` of PyPI, start Python in another folder")


def test_it_is_an_import_error_as_any_other_so_that_a_program_can_go_without(tmp_path):
    code = "try:\n    import kernels\nexcept ImportError as error:\n    print(error.name)"
    assert run(code, ROOT).stdout == "kernels\n"


def test_beside_another_package_of_that_name_ours_is_still_found(tmp_path):
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "__init__.py").write_text("NAME = 'theirs'\n")
    code = f"import sys\nsys.path.append({str(ROOT)!r})\n" + BOTH
    assert run(code, tmp_path).stdout.splitlines() == ["theirs", str(ROOT / "kernels" / "__init__.py")]
