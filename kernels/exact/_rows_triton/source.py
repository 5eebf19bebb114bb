"""The Triton code of `rows_triton`: gathers dense rows and sums them, in float32, one tile of features at a time.

Every kernel runs on a grid (pieces of work, tiles of features). The tiles lie in the slow dimension: all pieces are done for
one tile before the next begins, so that only one tile of the dense operand has to stay in the L2 cache.
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
# ruff: noqa: N803, PLR0913  (Triton names constants in capitals, and takes pointers one by one)

import triton
import triton.language as tl


@triton.jit
def row_start(row, WIDTH: tl.constexpr):
    """Return where a dense row begins, in int64: rows x width passes 2**31 on large graphs."""
    return row.to(tl.int64) * WIDTH


@triton.jit
def _gather(dense, columns, inside, features, WIDTH: tl.constexpr):
    """Load one dense row for each of `columns`: (columns, features), in float32, zeros where not `inside`."""
    places = dense + row_start(columns, WIDTH)[:, None] + features[None, :]
    wanted = inside[:, None] & (features < WIDTH)[None, :]
    return tl.load(places, mask=wanted, other=0.0, cache_modifier=".ca").to(tl.float32)


@triton.jit
def _weighed(rows, columns, entries, inside, value, column_scale, VALUES: tl.constexpr):
    """Multiply gathered rows by the values of their non-zeros."""
    if VALUES == "each":
        weights = tl.load(value + entries, mask=inside, other=0.0, eviction_policy="evict_first")
        return rows * weights[:, None]
    if VALUES == "columns":
        return rows * tl.load(column_scale + columns, mask=inside, other=0.0)[:, None]
    return rows


@triton.jit
def _summed(dense, col, value, column_scale, count, features, WIDTH: tl.constexpr, VALUES: tl.constexpr, BLOCK: tl.constexpr,
            STAGES: tl.constexpr):  # fmt: skip
    """Sum `count` non-zeros of one row, a block of them at a time: (features,), float32.

    Each of the block's lanes keeps a sum of its own, so that no addition waits for the one before it; they meet once, at
    the end. The column numbers of a block are read while the rows of the block before it are on their way.
    """
    lane = tl.arange(0, BLOCK)
    sums = tl.zeros([BLOCK, features.shape[0]], tl.float32)
    columns = tl.load(col + lane, mask=lane < count, other=0, eviction_policy="evict_first")
    for at in tl.range(0, count, BLOCK, num_stages=STAGES):
        ahead = at + BLOCK + lane
        next_columns = tl.load(col + ahead, mask=ahead < count, other=0, eviction_policy="evict_first")
        inside = at + lane < count
        rows = _gather(dense, columns, inside, features, WIDTH)
        sums += _weighed(rows, columns, at + lane, inside, value, column_scale, VALUES)
        columns = next_columns
    return tl.sum(sums, axis=0)


@triton.jit
def _row_factor(row, degree, row_scale, ROWS_SCALED: tl.constexpr, MEAN: tl.constexpr):
    """Return what the sum of a whole row is multiplied by: its scale, and 1/deg for a mean."""
    factor = 1.0 / tl.maximum(degree, 1).to(tl.float32) if MEAN else tl.full(degree.shape, 1.0, tl.float32)
    if ROWS_SCALED:
        factor *= tl.load(row_scale + row)
    return factor


@triton.jit
def sum_pieces(dense, result, partial, begins, ends, rows, slots, pieces, col, value, row_scale, column_scale,
               WIDTH: tl.constexpr, VALUES: tl.constexpr, ROWS_SCALED: tl.constexpr, MEAN: tl.constexpr,
               BLOCK: tl.constexpr, TILE: tl.constexpr, STAGES: tl.constexpr):  # fmt: skip
    """Sum one piece of a row: to the result where it is all of the row, else to its slot among the partial sums."""
    piece = tl.program_id(0)
    if piece >= tl.load(pieces):  # the grid may be a bound: how many pieces there are is then known on the device only
        return
    begin, row, slot = tl.load(begins + piece), tl.load(rows + piece), tl.load(slots + piece)
    count = (tl.load(ends + piece) - begin).to(tl.int32)
    features = tl.program_id(1) * TILE + tl.arange(0, TILE)
    total = _summed(dense, col + begin, value + begin, column_scale, count, features, WIDTH, VALUES, BLOCK, STAGES)
    if slot >= 0:
        tl.store(partial + row_start(slot, WIDTH) + features, total, mask=features < WIDTH)
    else:
        total *= _row_factor(row, count, row_scale, ROWS_SCALED, MEAN)
        tl.store(result + row_start(row, WIDTH) + features, total, mask=features < WIDTH, eviction_policy="evict_first")


@triton.jit
def join_pieces(result, partial, rows, first_slots, joins, rowptr, row_scale,
                WIDTH: tl.constexpr, ROWS_SCALED: tl.constexpr, MEAN: tl.constexpr,
                CHUNK: tl.constexpr, BLOCK: tl.constexpr, TILE: tl.constexpr):  # fmt: skip
    """Add up the partial sums of one row in their order: the same bits in every run, which atomic additions do not give."""
    join = tl.program_id(0)
    if join >= tl.load(joins):
        return
    row = tl.load(rows + join)
    degree = tl.load(rowptr + row + 1) - tl.load(rowptr + row)
    features = tl.program_id(1) * TILE + tl.arange(0, TILE)
    sums = tl.zeros([BLOCK, TILE], tl.float32)
    for at in tl.range(0, tl.cdiv(degree, CHUNK).to(tl.int32), BLOCK, num_stages=1):
        piece = at + tl.arange(0, BLOCK)
        stored = (piece < tl.cdiv(degree, CHUNK))[:, None] & (features < WIDTH)[None, :]
        places = partial + row_start(tl.load(first_slots + join) + piece, WIDTH)[:, None] + features[None, :]
        sums += tl.load(places, mask=stored, other=0.0)
    total = tl.sum(sums, axis=0) * _row_factor(row, degree, row_scale, ROWS_SCALED, MEAN)
    tl.store(result + row_start(row, WIDTH) + features, total, mask=features < WIDTH, eviction_policy="evict_first")


@triton.jit
def sum_short_rows(dense, result, rowptr, col, value, row_scale, column_scale, row_count,
                   WIDTH: tl.constexpr, VALUES: tl.constexpr, ROWS_SCALED: tl.constexpr, MEAN: tl.constexpr,
                   SHORT: tl.constexpr, BLOCK: tl.constexpr, TILE: tl.constexpr):  # fmt: skip
    """Sum the rows of at most SHORT non-zeros among BLOCK neighbouring rows, one non-zero of each at a time."""
    row = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    known = tl.minimum(row, row_count - 1)
    begin = tl.load(rowptr + known)
    degree = (tl.load(rowptr + known + 1) - begin).to(tl.int32)
    short = (degree <= SHORT) & (row < row_count)
    count = tl.where(short, degree, 0)
    features = tl.program_id(1) * TILE + tl.arange(0, TILE)
    sums = tl.zeros([BLOCK, TILE], tl.float32)
    columns = tl.load(col + begin, mask=count > 0, other=0)
    for at in tl.range(0, tl.max(count, axis=0), num_stages=1):
        next_columns = tl.load(col + begin + at + 1, mask=at + 1 < count, other=0)
        rows = _gather(dense, columns, at < count, features, WIDTH)
        sums += _weighed(rows, columns, begin + at, at < count, value, column_scale, VALUES)
        columns = next_columns
    sums *= _row_factor(known, count, row_scale, ROWS_SCALED, MEAN)[:, None]
    stored = short[:, None] & (features < WIDTH)[None, :]
    tl.store(result + row_start(row, WIDTH)[:, None] + features[None, :], sums, mask=stored, eviction_policy="evict_first")


@triton.jit
def count_pieces(rowptr, pieces, slots, joins, row_count, SHORT: tl.constexpr, CHUNK: tl.constexpr, BLOCK: tl.constexpr):
    """Write for each row how many pieces it has, how many of them are partial sums, and whether these are joined."""
    row = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    there = row < row_count
    degree = tl.load(rowptr + row + 1, mask=there, other=0) - tl.load(rowptr + row, mask=there, other=0)
    count = tl.where(degree > SHORT, tl.cdiv(degree, CHUNK), 0).to(tl.int32)
    tl.store(pieces + row, count, mask=there)
    tl.store(slots + row, tl.where(count > 1, count, 0), mask=there)
    tl.store(joins + row, (count > 1).to(tl.int32), mask=there)


@triton.jit
def place_pieces(rowptr, piece_ends, slot_ends, join_ends, begins, ends, rows, slots, joined_rows, first_slots, row_count,
                 SHORT: tl.constexpr, CHUNK: tl.constexpr, BLOCK: tl.constexpr):  # fmt: skip
    """Write the tables of pieces and of rows to join; where each row's entries end in them is known by now."""
    row = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    there = row < row_count
    begin = tl.load(rowptr + row, mask=there, other=0)
    end = tl.load(rowptr + row + 1, mask=there, other=0)
    count = tl.where(end - begin > SHORT, tl.cdiv(end - begin, CHUNK), 0).to(tl.int32)
    first_piece = tl.load(piece_ends + row, mask=there, other=0) - count
    first_slot = tl.load(slot_ends + row, mask=there, other=0) - count
    join = tl.load(join_ends + row, mask=there, other=0) - 1
    tl.store(joined_rows + join, row, mask=count > 1)
    tl.store(first_slots + join, first_slot, mask=count > 1)
    for at in tl.range(0, tl.max(count, axis=0), num_stages=1):
        piece = first_piece + at
        start = begin + at * CHUNK
        tl.store(begins + piece, start, mask=at < count)
        tl.store(ends + piece, tl.minimum(start + CHUNK, end), mask=at < count)
        tl.store(rows + piece, row, mask=at < count)
        tl.store(slots + piece, tl.where(count > 1, first_slot + at, -1), mask=at < count)
