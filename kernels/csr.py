"""A sparse matrix in CSR: what every kernel is prepared for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import torch

from rsc_bench.kernels import checked, foreign
from rsc_bench.kernels.ordering import ordering

if TYPE_CHECKING:
    import scipy.sparse


@dataclass(frozen=True, eq=False)
class Scaling:
    """Values that are a product of one factor a row and one a column, as those of a normalised adjacency are.

    A kernel that knows it multiplies ``diag(rows) @ pattern @ diag(columns)`` and reads no value for each non-zero.
    """

    rows: torch.Tensor | None = None
    """(rows,), floating; None: all ones."""
    columns: torch.Tensor | None = None
    """(columns,), floating; None: all ones."""

    def by_rows(self, scale: torch.Tensor) -> Scaling:
        """Return the scaling with each row's factor times `scale`, in float64."""
        return Scaling(scale.double() if self.rows is None else self.rows.double() * scale.double(), self.columns)

    def by_columns(self, scale: torch.Tensor) -> Scaling:
        """Return the scaling with each column's factor times `scale`, in float64."""
        return self.transpose().by_rows(scale).transpose()

    def transpose(self) -> Scaling:
        """Return the scaling of the transpose."""
        return Scaling(self.columns, self.rows)

    def to(self, device: torch.device | str) -> Scaling:
        """Return the scaling on `device`."""
        return Scaling(*(None if part is None else part.to(device) for part in (self.rows, self.columns)))


@dataclass(frozen=True, eq=False)
class Csr:
    """An immutable sparse matrix in compressed sparse row form.

    Every offset and column is looked at once, in one pass (on a GPU the host waits for it), and brought into the dtypes below.
    Nothing may be written into them afterwards: compiled code trusts them.

    Raises:
        ValueError: for parts that do not fit together or index what is not there, with the matrix, the rule and what was found.
    """

    rowptr: torch.Tensor
    """(rows + 1,), int32 (int64 past 2**31 non-zeros): where each row starts."""
    col: torch.Tensor
    """(nnz,), int32: column of each non-zero, ascending within a row."""
    entries: torch.Tensor | None
    """(nnz,), floating: what each non-zero was given; None: all ones, or as `scaling` says. Kernels read `value`."""
    shape: tuple[int, int]
    """Rows, columns."""
    name: str = ""
    """What it is called in errors."""
    scaling: Scaling | None = None
    """The values, where they are separable and `entries` is None."""
    bounded: bool = False
    """True: `col` may be longer than ``rowptr[-1]``, which only the device knows, and what stands behind it means nothing."""
    _transposed: list[Csr] = field(default_factory=list, repr=False)
    _known: tuple[torch.Tensor, torch.Tensor, tuple[int, int], bool] | None = field(default=None, repr=False)
    """Offsets, columns, shape and `bounded` that are known to fit: a matrix of the same is not looked at again."""

    def __post_init__(self) -> None:
        vars(self).update(checked.parts(self))

    @classmethod
    def trusted(  # noqa: PLR0913
        cls,
        rowptr: torch.Tensor,
        col: torch.Tensor,
        entries: torch.Tensor | None,
        shape: tuple[int, int],
        name: str = "",
        scaling: Scaling | None = None,
        bounded: bool = False,
    ) -> Csr:
        """Return a matrix whose indices were made of those of a checked one: nothing looks at them, and nothing waits for a GPU.

        They must be right, and of the dtypes that the fields have; wrong ones end the process.
        """
        return cls(rowptr, col, entries, shape, name, scaling, bounded, [], (rowptr, col, shape, bounded))

    @property
    def nnz(self) -> int:
        """Number of stored entries, of a bounded matrix the most that it can have."""
        return self.col.numel()

    @property
    def device(self) -> torch.device:
        """Where the parts live."""
        return self.col.device

    @property
    def all_ones(self) -> bool:
        """Whether every value is one: `value` is None then, and this makes none to say so."""
        return self.entries is None and self.scaling is None

    @property
    def value(self) -> torch.Tensor | None:
        """(nnz,), floating: value of each non-zero; None: all ones.

        Made of the scaling, where there is one, at each reading, and not kept: a kernel that needs it reads it once, when it is
        prepared, and what it then keeps is its own memory, whichever kernel was prepared for the matrix before.
        """
        return self.entries if self.scaling is None else self._values().float()

    @cached_property
    def row_nnz(self) -> torch.Tensor:
        """(rows,), int64: non-zeros of each row."""
        return self.rowptr.diff().long()

    @cached_property
    def row_norms(self) -> torch.Tensor:
        """(rows,), float32: Euclidean norm of each row."""
        if self.all_ones:
            return self.row_nnz.float().sqrt()
        return self._row_sums(self._values().square()).sqrt().float()

    @cached_property
    def column_nnz(self) -> torch.Tensor:
        """(columns,), int64: non-zeros of each column."""
        return torch.bincount(self.col, minlength=self.shape[1])

    @cached_property
    def column_norms(self) -> torch.Tensor:
        """(columns,), float32: Euclidean norm of each column."""
        if self.all_ones:
            return self.column_nnz.float().sqrt()
        total = torch.zeros(self.shape[1], dtype=torch.float64, device=self.device)
        return total.index_add_(0, self.col, self._values().square()).sqrt().float()

    def transpose(self) -> Csr:
        """Return the transpose; made once, then kept, also as the transpose's own transpose."""
        if not self._transposed:
            self.known_transpose(self._make_transpose())
        return self._transposed[0]

    def known_transpose(self, other: Csr) -> None:
        """Keep `other` as the transpose, and this as its own, where it is known before it is asked for."""
        other._transposed.append(self)
        self._transposed.append(other)

    def _make_transpose(self) -> Csr:
        rows, order = self._rows(), ordering(self.col, self.shape[1])
        entries = None if self.entries is None else self.entries[order]
        scaling = None if self.scaling is None else self.scaling.transpose()
        name = f"{self.name}ᵀ" if self.name else ""
        return Csr.trusted(_rowptr(self.column_nnz), rows[order].int(), entries, self.shape[::-1], name, scaling)

    def with_entries(self) -> Csr:
        """Return the matrix with a value a non-zero in place of its scaling; itself where it has none."""
        return self if self.scaling is None else replace(self, entries=self.value, scaling=None, _transposed=[])

    def mean(self) -> Csr:
        """Return the matrix of mean aggregation: each row over its number of non-zeros (value 1/deg where all are ones)."""
        return self.scale_rows(1.0 / self.row_nnz.clamp(min=1).double())

    def scale_rows(self, scale: torch.Tensor) -> Csr:
        """Return ``diag(scale) @ self``; `scale` is (rows,), the values become float32, separable ones stay separable."""
        if self.entries is not None:
            value = torch.repeat_interleave(scale.double(), self.row_nnz) * self.entries.double()
            return replace(self, entries=value.float(), _transposed=[])
        return replace(self, scaling=(self.scaling or Scaling()).by_rows(scale), _transposed=[])

    def scale_columns(self, scale: torch.Tensor) -> Csr:
        """Return ``self @ diag(scale)``; `scale` is (columns,), the values become float32, separable ones stay separable."""
        if self.entries is not None:
            value = scale.double()[self.col] * self.entries.double()
            return replace(self, entries=value.float(), _transposed=[])
        return replace(self, scaling=(self.scaling or Scaling()).by_columns(scale), _transposed=[])

    def without_diagonal(self) -> Csr:
        """Return the matrix with no entry on its diagonal: self-loops are kept exact and dense, outside of it."""
        keep = self._rows() != self.col
        counts = torch.bincount(self._rows()[keep], minlength=self.shape[0])
        entries = None if self.entries is None else self.entries[keep]
        return Csr.trusted(_rowptr(counts), self.col[keep], entries, self.shape, self.name, self.scaling)

    def gcn(self) -> Csr:
        """Return ``D^-1/2 A D^-1/2`` off the diagonal, with D the row counts of ``A + I`` (Kipf and Welling, ICLR 2017).

        The diagonal of the normalised matrix is 1/deg in each row; it is left out here because it stays exact. Raises
        ``ValueError`` for a matrix that is not square.
        """
        if self.shape[0] != self.shape[1]:
            name = checked.called(self.name)
            raise ValueError(f"{name}: gcn() must be of a square matrix (got {self.shape}): its nodes are rows and columns")
        matrix = self.without_diagonal()
        scale = (matrix.row_nnz + 1).double().rsqrt()
        return matrix.scale_rows(scale).scale_columns(scale)

    def to(self, device: torch.device | str) -> Csr:
        """Return the matrix on `device`, itself where it is there already."""
        if torch.device(device) == self.device:
            return self
        entries = None if self.entries is None else self.entries.to(device)
        scaling = None if self.scaling is None else self.scaling.to(device)
        return Csr.trusted(self.rowptr.to(device), self.col.to(device), entries, self.shape, self.name, scaling, self.bounded)

    def to_scipy(self) -> scipy.sparse.csr_matrix:
        """Return the matrix in SciPy, float64: what references are computed from."""
        import scipy.sparse

        value = self.values64().cpu()
        parts = (value.numpy(), self.col.cpu().numpy(), self.rowptr.cpu().numpy())
        return scipy.sparse.csr_matrix(parts, shape=self.shape)

    @classmethod
    def from_scipy(cls, matrix: scipy.sparse.spmatrix, name: str = "", weighted: bool = True) -> Csr:
        """Return a SciPy sparse matrix as CSR; duplicates are summed, ``weighted=False`` drops the values."""
        return cls.trusted(*foreign.of_scipy(matrix, name, weighted), name)

    @classmethod
    def from_torch(cls, matrix: torch.Tensor, name: str = "") -> Csr:
        """Return a 2-D torch tensor of layout CSR, CSC or COO as CSR; duplicates of a COO tensor are summed."""
        return cls.trusted(*foreign.of_torch(matrix, name), name)

    @classmethod
    def from_edge_index(
        cls, edge_index: torch.Tensor, nodes: int | None = None, value: torch.Tensor | None = None, name: str = ""
    ) -> Csr:
        """Return the adjacency of a PyTorch Geometric ``edge_index``: entry (target, source) for each edge.

        Args:
            edge_index: (2, edges), integer: sources, then targets. Repeated edges stay repeated.
            nodes: None: one more than the largest index.
            value: (edges,), floating; None: all ones.
            name: what the matrix is called in errors.
        """
        foreign.check_edge_index(edge_index, value, name)
        count = (int(edge_index.max()) + 1 if edge_index.numel() else 0) if nodes is None else nodes
        pattern, order = cls.from_edges(edge_index[1], edge_index[0], (count, count), name)
        return pattern if value is None else replace(pattern, entries=value[order])

    @classmethod
    def from_edges(
        cls, rows: torch.Tensor, columns: torch.Tensor, shape: tuple[int, int], name: str = ""
    ) -> tuple[Csr, torch.Tensor]:
        """Return the matrix with a one for each edge, and the order (edges,), int64, that lays values of edges out as its own.

        Args:
            rows: (edges,), integer: targets. Repeated edges stay repeated.
            columns: (edges,), integer: sources.
            shape: of the matrix; an index outside of it is a ``ValueError``.
            name: what the matrix is called in errors.
        """
        rows, columns, shape = foreign.of_edges(rows, columns, shape, name)
        order = ordering(columns, shape[1])
        order = order[ordering(rows[order], shape[0])]
        return cls.trusted(_rowptr(torch.bincount(rows, minlength=shape[0])), columns[order].int(), None, shape, name), order

    def values64(self) -> torch.Tensor:
        """Return the values in float64, (nnz,), as kernels see them; ones where there are none.

        Made anew in each call, as `value` is: a reference must leave nothing behind that counts as a kernel's memory.
        """
        return self._values() if self.scaling is None else self._values().float().double()

    def _values(self) -> torch.Tensor:
        """(nnz,), float64: the values; made anew in each call, because they take twice the memory of the indices."""
        if self.entries is not None:
            return self.entries.double()
        rows, columns = (None, None) if self.scaling is None else (self.scaling.rows, self.scaling.columns)
        value = torch.ones(self.nnz, dtype=torch.float64, device=self.device) if rows is None else self._by_row(rows.double())
        return value if columns is None else value.mul_(columns.double()[self.col])

    def _rows(self) -> torch.Tensor:
        return self._by_row(torch.arange(self.shape[0], device=self.device))

    def _by_row(self, each: torch.Tensor) -> torch.Tensor:
        """(nnz,): for each non-zero what `each`, (rows,), has for its row."""
        if self.bounded:
            raise ValueError(f"{self.name}: how many non-zeros a bounded matrix has is known on its device only")
        return torch.repeat_interleave(each, self.row_nnz, output_size=self.nnz)

    def _row_sums(self, entries: torch.Tensor) -> torch.Tensor:
        total = torch.zeros(self.shape[0], dtype=entries.dtype, device=self.device)
        return total.index_add_(0, self._rows(), entries)


def _rowptr(counts: torch.Tensor) -> torch.Tensor:
    return checked.fit(torch.cat([counts.new_zeros(1), counts.cumsum(0)]))
