"""Tries one kernel in a process of its own, and tells what it finds as it finds it: the kernel may crash, or never return."""

from __future__ import annotations

import faulthandler
import json
import os
import re
import time
import warnings
from collections import defaultdict
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rsc_bench.kernels import Kernel
    from rsc_bench.suites.spmm.work import SpmmWork

CHECKED, TIMED, PROFILED, ENDED = 0.55, 0.75, 0.85, 0.96
"""Shares of the time of a try until which trials are begun, rounds are timed and a profile is begun, and when it is ended."""
FEWEST_ROUNDS, MOST_ROUNDS = 3, 200
_IMPORTED = re.compile(r"^\s*(?:from|import)\s+(\w+)", re.MULTILINE)
"""The first name of each module that a text imports."""


@dataclass(frozen=True)
class Asked:
    """What is to be tried, as the command line says it."""

    file: str
    graph: str
    width: int
    device: str | None
    began_s: float
    """When the command began, by `time.monotonic`, which all processes share."""
    stack: str
    """The file into which a hang writes where it hangs."""
    seconds: float
    """What all of it may take; shortly before it is ended it writes where it is."""
    kernel: str | None = None
    """Which of the kernels in the file; None: the only one."""

    @property
    def spent(self) -> float:
        """The share of its time that is gone."""
        return (time.monotonic() - self.began_s) / self.seconds


def main(text: str) -> None:
    """Try what the text of an `Asked` says, and write an event a line to the standard output as it was."""
    asked = Asked(**json.loads(text))
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a kernel prints is for the user's eyes
    with Path(asked.stack).open("w") as stack:
        faulthandler.enable(stack)
        faulthandler.dump_traceback_later(max(0.1, asked.seconds * (ENDED - 0.04 - asked.spent)), file=stack)
        for event in _events(asked):
            _tell(out, event)
        _tell(out, {"kind": "end"})
        out.flush()
        faulthandler.cancel_dump_traceback_later()
        faulthandler.disable()
    os._exit(0)  # what a kernel has left, as threads, is not waited for


def _tell(out: IO[str], event: dict[str, Any]) -> None:
    out.write(json.dumps(event) + "\n")


def _events(asked: Asked) -> Iterator[dict[str, Any]]:
    import torch

    from rsc_bench.suites.catalog import KernelError, catalog
    from rsc_bench.suites.devices import HERE

    warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")
    if (refusal := HERE.refusal(asked.device)) is not None:
        yield {"kind": "refused", "message": refusal}
        return
    device = HERE.use(asked.device)
    interpreted = not torch.cuda.is_available() and _uses_triton(Path(asked.file))
    if interpreted:
        os.environ["TRITON_INTERPRET"] = "1"  # before Triton is imported, which looks at it then
    try:
        found = catalog((asked.file,))
    except KernelError as error:
        yield {"kind": "refused", "message": str(error)}
        return
    names = found.from_files[asked.file]
    if asked.kernel not in names and (asked.kernel is not None or len(names) != 1):
        rule = f"--kernel must name one of its kernels, {', '.join(names)}" if names else "must define KERNEL = Kernel(...)"
        yield {"kind": "refused", "message": f"{asked.file}: {rule} (got {asked.kernel or 'none'})"}
        return
    kernel = found.every[asked.kernel or names[0]]
    yield {"kind": "kernel", "name": kernel.name, "device": device, "interpreted": interpreted}
    if (reason := kernel.why_not()) is not None or kernel.device != device.partition(":")[0]:
        yield {"kind": "refused", "message": reason or f"it is a kernel for {kernel.device}, and --device is {device}"}
        return
    bad = yield from _checked(kernel, asked)
    if interpreted:
        yield {"kind": "untimed", "reason": "Triton's interpreter has no speed: measure on a machine with a GPU"}
    elif bad:
        yield {"kind": "untimed", "reason": "a kernel that is wrong has no speed"}
    else:
        alike = [each for each in found.every.values() if (each.operation, each.device) == (kernel.operation, kernel.device)]
        others = [each for each in alike if each.name != kernel.name]
        baselines = [each for each in others if each.exact and each.role != "baseline" and each.why_not() is None]
        yield from _timed(kernel, baselines, asked, device)


def _uses_triton(file: Path) -> bool:
    """Whether a file, or one beside it that it imports, imports Triton."""
    waiting, seen = [file.resolve()], set()
    while waiting:
        path = waiting.pop()
        if path in seen or not path.is_file():
            continue
        seen.add(path)
        names = set(_IMPORTED.findall(path.read_text(encoding="utf-8", errors="replace")))
        if "triton" in names:
            return True
        waiting += [path.with_name(f"{name}.py") for name in names]
    return False


def _checked(kernel: Kernel, asked: Asked) -> Generator[dict[str, Any], None, int]:
    """Yield the verdict of each contract test for which there is time; return how many are not as they must be."""
    from rsc_bench.harness.measure.work import Skip, Wrong
    from rsc_bench.suites.spmm import contract
    from rsc_bench.suites.trying.places import blamed

    bad, left = 0, list(contract.trials(kernel.name, kernel.reduces))
    while left and asked.spent < CHECKED:
        trial = left.pop(0)
        told = {"kind": "verdict", "trial": str(trial).removeprefix(f"{kernel.name}-"), "status": "ok", "place": None, "reason": ""}
        yield {"kind": "begun", "what": told["trial"]}
        try:
            contract.check(kernel, trial)
        except Skip as reason:
            told |= {"status": "skipped", "reason": str(reason)}
        except Wrong as error:
            told |= {"status": "wrong", "reason": str(error)}
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever a kernel raises is its failure
            place, words = blamed(error, Path(asked.file).resolve())
            told |= {"status": "failed", "place": place, "reason": words}
        bad += told["status"] in {"wrong", "failed"}
        yield told
    if left:
        yield {"kind": "untried", "count": len(left)}
    return bad


def _timed(kernel: Kernel, baselines: list[Kernel], asked: Asked, device: str) -> Iterator[dict[str, Any]]:
    """Yield the speed of a kernel in turns with the baselines, on one graph, and where its time goes."""
    import torch

    from rsc_bench.harness.measure.work import Skip
    from rsc_bench.harness.records.case import FLOAT32
    from rsc_bench.suites.graphs import GraphError
    from rsc_bench.suites.options import DTYPES
    from rsc_bench.suites.spmm.operands import Product
    from rsc_bench.suites.spmm.store import Store
    from rsc_bench.suites.spmm.work import ready

    yield {"kind": "begun", "what": f"{asked.graph}, width {asked.width}"}
    store, works = Store(), {}
    try:
        dtype = DTYPES[kernel.stores[0]] if kernel.stores and FLOAT32 not in kernel.stores else torch.float32
        product = Product(store.graph(asked.graph), asked.width, dtype, "sum", device, kernel.operation)
    except GraphError as error:
        yield {"kind": "refused", "message": f"--graph {error}"}
        return
    left_out = []
    for each in [kernel, *baselines]:
        if each is not kernel and asked.spent > (CHECKED + TIMED) / 2:
            left_out.append(each.name)
            continue
        try:
            prepare = ready(product, each, store)
            start = time.perf_counter()
            work = prepare()
            work.synchronise()
            prepare_s = time.perf_counter() - start
            work.check(work())
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            if each is kernel and isinstance(error, Skip):
                yield {"kind": "untimed", "reason": str(error)}
                return
            if each is kernel:
                yield _bad(error, asked)
                yield {"kind": "untimed", "reason": "a kernel that is wrong has no speed"}
                return
            left_out.append(each.name)
            continue
        works[each.name] = work
        if each is kernel:
            own_prepare_s = prepare_s
    times = _rounds(works, asked)
    own = times[kernel.name]
    ratios = {name: median(map(_ratio, theirs, own)) for name, theirs in times.items() if name != kernel.name}
    yield {
        "kind": "speed", "graph": asked.graph, "width": asked.width, "nnz": product.graph.adjacency.nnz, "rounds": len(own),
        "call_s": min(own), "prepare_s": own_prepare_s, "ratios": ratios, "left_out": left_out,
    }  # fmt: skip
    yield from _ceiling(works[kernel.name], min(own), asked, device)
    yield from _profile(works[kernel.name], asked, device)


def _bad(error: BaseException, asked: Asked) -> dict[str, Any]:
    """The verdict of a kernel that did not get as far as being timed."""
    from rsc_bench.harness.measure.attempt import reason_of
    from rsc_bench.harness.measure.work import Wrong
    from rsc_bench.suites.trying.places import blamed

    place, words = blamed(error, Path(asked.file).resolve())
    status = "wrong" if isinstance(error, Wrong) else "failed"
    return {
        "kind": "verdict",
        "trial": asked.graph,
        "status": status,
        "place": place,
        "reason": words if place else reason_of(error),
    }


def _ratio(theirs: float, own: float) -> float:
    return theirs / own


def _rounds(works: dict[str, SpmmWork], asked: Asked) -> dict[str, list[float]]:
    """Time one call of each in turns, after one that does not count, for as long as there is time."""
    times: dict[str, list[float]] = defaultdict(list)
    for place in range(MOST_ROUNDS + 1):
        if place > FEWEST_ROUNDS and asked.spent > TIMED - 0.05:
            break
        for name, work in works.items():
            start = time.perf_counter()
            work()
            work.synchronise()
            if place:
                times[name].append(time.perf_counter() - start)
    return times


def _ceiling(work: SpmmWork, call_s: float, asked: Asked, device: str) -> Iterator[dict[str, Any]]:
    """Yield the share of the rate at which random rows can be gathered here, as far as there is time to measure it."""
    from rsc_bench.harness.measure.ceilings.probes import Effort, Sizes, measure, sizes_of

    if asked.spent > TIMED:
        yield {"kind": "no ceiling", "reason": "no time was left to measure it"}
        return
    made = work.operands
    row_bytes = made.dense.shape[1] * made.dense.element_size()

    def few(place: Any) -> Sizes:
        found = sizes_of(place)
        # Operands no larger than are needed: writing a gigabyte takes longer than all the rest.
        return found if place.type != "cpu" else Sizes(min(found.cache_bytes or 32 << 20, 32 << 20), found.free_bytes)

    found = measure(device, [row_bytes], Effort(0.03, 0.2, 1 << 20), few)
    rate = found.gather(row_bytes, made.dense.nbytes)
    if rate is None:
        yield {"kind": "no ceiling", "reason": found.missing or "it could not be measured"}
        return
    yield {"kind": "ceiling", "share": made.matrix.nnz * row_bytes / call_s / rate, "rate": rate}


def _profile(work: SpmmWork, asked: Asked, device: str) -> Iterator[dict[str, Any]]:
    """Yield the operations of torch in a call that take longest, as far as there is time."""
    from rsc_bench.harness.measure.profile import Plan, ProfileError, take

    if asked.spent > PROFILED:
        yield {"kind": "no profile", "reason": "no time was left"}
        return

    def call(named: Any) -> None:
        with named("call"):
            work()

    try:
        found = take(Plan("try", "one call", call, device, ("call",)))
    except ProfileError as error:
        yield {"kind": "no profile", "reason": str(error)}
        return
    whole = found.whole.device_s or found.whole.host_s
    parts = [(entry.name, (entry.device_s if found.whole.device_s else entry.host_s) or 0.0) for entry in found.operations[:3]]
    yield {"kind": "profile", "parts": [[name, seconds / whole] for name, seconds in parts if whole and seconds / whole >= 0.01]}
