"""Compiles Triton kernels for GPUs that need not be there, and reads the compiler's own reports."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

ARCHITECTURES = (80, 90, 100)
ASSEMBLERS = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"
ALIGNED = [["tt.divisibility", 16]]
"""What Triton finds out of an argument when it is called: an address, or a number, that 16 divides."""


@dataclass(frozen=True)
class Compiled:
    """One kernel for one architecture."""

    ttir: str
    """Triton's own intermediate code."""
    ptx: str
    """What ptxas was given."""
    report: str
    """What ptxas says of registers, stack and spills."""

    @property
    def spilled_bytes(self) -> int:
        """Bytes that the registers did not hold, stored and loaded."""
        return sum(map(int, re.findall(r"(\d+) bytes spill", self.report)))

    @property
    def registers(self) -> int:
        """Registers of a thread."""
        return int(re.findall(r"Used (\d+) registers", self.report)[0])


def compiled(kernel: Any, arguments: dict[str, str], constants: dict[str, Any], architecture: int, warps: int = 1) -> Compiled:
    """Compile a ``triton.jit`` function as a launch would, with every pointer aligned to 16 bytes.

    Args:
        kernel: the function.
        arguments: types of the arguments that are known at run time, such as ``{"dense": "*fp32", "rows": "i32"}``.
        constants: values of its ``tl.constexpr`` arguments.
        architecture: compute capability times ten.
        warps: warps of a program.
    """
    signature = {name: arguments.get(name, "constexpr") for name in kernel.arg_names}
    aligned = {(at,): ALIGNED for at, kind in enumerate(signature.values()) if kind.startswith("*")}
    source = ASTSource(kernel, signature, {(kernel.arg_names.index(name),): value for name, value in constants.items()}, aligned)
    made = triton.compile(
        source, target=GPUTarget("cuda", architecture, 32), options={"num_warps": warps, "enable_fp_fusion": True}
    )
    return Compiled(made.asm["ttir"], made.asm["ptx"], _report(made.asm["ptx"]))


@cache
def _report(ptx: str) -> str:
    """Assemble once more, with the first of Triton's assemblers that knows this PTX: it keeps an older one for older GPUs."""
    target = re.search(r"\.target (\w+)", ptx)[1]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.ptx"
        path.write_text(ptx)
        for ptxas in sorted(ASSEMBLERS.glob("ptxas*")):
            command = [ptxas, "-v", f"--gpu-name={target}", path, "-o", Path(folder) / "kernel.cubin"]
            found = subprocess.run(command, capture_output=True, text=True, check=False)
            if found.returncode == 0:
                return found.stderr
    raise AssertionError(f"no assembler in {ASSEMBLERS} takes PTX for {target}: {found.stderr}")
