"""cuSPARSE through nvmath-python's own binding, down to C: libraries that a compiler makes here stand in for NVIDIA's."""

import ctypes.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

pytest.importorskip("nvmath", reason="nvmath is not installed: pip install nvmath-python")
pytestmark = [
    pytest.mark.skipif(shutil.which("cc") is None, reason="cc is not installed: it compiles the stand-ins"),
    pytest.mark.skipif(sys.platform != "linux", reason="the stand-ins are libraries of Linux"),
    pytest.mark.skipif(torch.cuda.is_available(), reason="NVIDIA's own libraries are here, and the tests of the kernel call them"),
]

ROOT = Path(__file__).resolve().parents[3]
DRIVER = "int cuDriverGetVersion(int *version) { *version = 13000; return 0; }"
LINKER = "int nvJitLinkVersion(unsigned *major, unsigned *minor) { *major = 13; *minor = 0; return 0; }"
# What is passed must be what cusparse.h declares: one argument too many, too few or of another size ends in another product.
CUSPARSE = """
#include <stdint.h>
#include <stdlib.h>
typedef struct { int64_t rows, columns, nnz; int *offsets, *col; float *values; } Sparse;
typedef struct { int64_t rows, columns, stride; float *values; } Dense;
enum { FLOAT32 = 0, ZERO_BASED = 0, INDEX_32 = 2, ROW_MAJOR = 2, NOT_SUPPORTED = 10, CSR_ALG2 = 6, STREAM = 0x5EA, ROOM = 4096 };
static void *stream; static int living;
int cusparseGetProperty(int which, int *value) { *value = which == 0 ? 12 : 0; return 0; }
int cusparseCreate(void **handle) { *handle = malloc(1); return 0; }
int cusparseSetStream(void *handle, void *given) { stream = given; return 0; }
int cusparseCreateCsr(Sparse **made, int64_t rows, int64_t columns, int64_t nnz, int *offsets, int *col, float *values,
                      int offset_type, int col_type, int base, int type) {
  if (offset_type != INDEX_32 || col_type != INDEX_32 || base != ZERO_BASED || type != FLOAT32) return NOT_SUPPORTED;
  *made = malloc(sizeof **made); **made = (Sparse){rows, columns, nnz, offsets, col, values}; living++; return 0;
}
int cusparseCreateDnMat(Dense **made, int64_t rows, int64_t columns, int64_t stride, float *values, int type, int order) {
  if (type != FLOAT32 || order != ROW_MAJOR) return NOT_SUPPORTED;
  *made = malloc(sizeof **made); **made = (Dense){rows, columns, stride, values}; living++; return 0;
}
int cusparseDnMatSetValues(Dense *matrix, float *values) { matrix->values = values; return 0; }
int cusparseDestroySpMat(Sparse *matrix) { free(matrix); living--; return 0; }
int cusparseDestroyDnMat(Dense *matrix) { free(matrix); living--; return 0; }
int cusparseSpMM_bufferSize(void *handle, int a, int b, float *alpha, Sparse *sparse, Dense *dense, float *beta, Dense *result,
                            int type, int algorithm, size_t *bytes) {
  *bytes = ROOM; return algorithm == CSR_ALG2 ? 0 : NOT_SUPPORTED;
}
int cusparseSpMM_preprocess(void *handle, int a, int b, float *alpha, Sparse *sparse, Dense *dense, float *beta, Dense *result,
                            int type, int algorithm, char *workspace) {
  for (int at = 0; at < ROOM; at++) workspace[at] = 1;
  return 0;
}
int cusparseSpMM(void *handle, int a, int b, float *alpha, Sparse *sparse, Dense *dense, float *beta, Dense *result, int type,
                 int algorithm, char *workspace) {
  if (a || b || type != FLOAT32 || stream != (void *)STREAM || workspace[ROOM - 1] != 1) return NOT_SUPPORTED;
  for (int64_t row = 0; row < sparse->rows; row++)
    for (int64_t column = 0; column < result->columns; column++) {
      float sum = 0;
      for (int at = sparse->offsets[row]; at < sparse->offsets[row + 1]; at++)
        sum += sparse->values[at] * dense->values[sparse->col[at] * dense->stride + column];
      float *to = &result->values[row * result->stride + column];
      *to = *alpha * sum + (*beta ? *beta * *to : 0);
    }
  return 0;
}
int living_descriptors(void) { return living; }
"""
LIBRARIES = {"libcuda.so.1": DRIVER, "libnvJitLink.so.13": LINKER, "libcusparse.so.12": CUSPARSE}
MULTIPLY = """
import contextlib, ctypes, sys
libraries = [ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL) for path in sys.argv[1:]]
import torch
from made_matrices import dense, jagged
from rsc_bench.kernels import Unsupported
from rsc_bench.kernels.exact._cusparse import Library, Loader, Spmm, imported
from rsc_bench.kernels.exact._torch_csr import torch_csr

assert Loader().missing() is None
library = Library(imported(), current=lambda device: contextlib.nullcontext(), stream=lambda device: 0x5EA)
matrix = torch_csr(jagged(), torch.float32)
multiply = Spmm(library, matrix, 3, "CSR_ALG2")
for operand in (dense(9, 3, 1), dense(9, 3, 2)):
    torch.testing.assert_close(multiply(operand), matrix @ operand)
assert libraries[-1].living_descriptors() == 3
del multiply
assert libraries[-1].living_descriptors() == 0
try:
    Spmm(library, matrix, 3, "CSR_ALG3")
except Unsupported as reason:
    print(reason)
"""


@pytest.fixture(scope="module")
def libraries(tmp_path_factory):
    """Paths of the stand-ins, each built under the name by which the loader knows the library that is there already."""
    folder = tmp_path_factory.mktemp("libraries")
    for name, source in LIBRARIES.items():
        path = folder / f"{name}.c"
        path.write_text(source)
        command = ["cc", "-shared", "-fPIC", f"-Wl,-soname,{name}", "-o", folder / name, path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
    return [folder / name for name in LIBRARIES]


def test_the_binding_multiplies_refuses_and_gives_back_what_it_made(libraries):
    paths = f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'tests/made')!r}]\n"
    command = [sys.executable, "-W", "ignore:Sparse CSR tensor support", "-c", paths + MULTIPLY, *libraries]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "sp_mm_buffer_size failed (NOT_SUPPORTED (10))\n"


@pytest.mark.skipif(ctypes.util.find_library("cuda") is not None, reason="NVIDIA's driver is installed here")
def test_without_a_driver_the_kernel_says_so_in_one_line():
    code = "from rsc_bench.kernels.exact._cusparse import Loader; print(Loader().missing())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("nvmath cannot load cuSPARSE (CUDA driver is not found")
    assert done.stdout.endswith("): install a CUDA build of torch of 2.10 or later\n")
