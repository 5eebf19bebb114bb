"""Makes a case of a sweep into its record, in whichever process it is asked to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rsc_bench import allocator
from rsc_bench.harness.measure.attempt import attempt, blamed
from rsc_bench.harness.measure.gpu import faults
from rsc_bench.harness.measure.sampling import Limits
from rsc_bench.harness.measure.spending import SPENDING
from rsc_bench.harness.measure.state import State
from rsc_bench.harness.measure.work import Skip, Work, Wrong
from rsc_bench.harness.records.run import Record
from rsc_bench.suites import devices
from rsc_bench.suites.catalog import Catalog
from rsc_bench.suites.graphs import Graph
from rsc_bench.suites.itself import records as itself
from rsc_bench.suites.itself.sweep import HarnessSetting
from rsc_bench.suites.spmm import work as products
from rsc_bench.suites.spmm.cases.sweep import Setting
from rsc_bench.suites.spmm.fingerprint import Fingerprint
from rsc_bench.suites.spmm.slowness import slowed
from rsc_bench.suites.spmm.store import Store
from rsc_bench.suites.terminal.progress import Epoch
from rsc_bench.suites.training.data import lack
from rsc_bench.suites.training.sweep import TrainingSetting

AnySetting = Setting | TrainingSetting
"""One case of a sweep, before it has been prepared."""
SuiteSetting = AnySetting | HarnessSetting
"""One case of any suite: of a sweep, or of the harness itself."""
LOOKS = 8
"""Calls with a changed operand where a case is only checked."""
Follow = Callable[[Epoch], None]
"""Takes the state of a training after each of its epochs."""


@dataclass(frozen=True)
class Bench:
    """What a process needs to make records: the kernels, what their cases share, and how long they are sampled."""

    catalog: Catalog
    store: Store
    limits: Limits = field(default_factory=Limits)
    slow_down: float | None = None
    """Share by which each call of a product is made longer on purpose; None: not at all."""

    def record(self, setting: AnySetting, follow: Follow) -> Record:
        """Return the record of a case, whatever becomes of it; `follow` is called after each epoch of a training."""
        if isinstance(setting, TrainingSetting):
            return self._training_record(setting, follow)
        SPENDING.begin()
        record = attempt(setting.case(), lambda: self._ready(setting), devices.clock(setting.clock), self.limits)
        with SPENDING.on("operands"):
            record = blamed(record, self.store.put_back())
        return record.with_spent(SPENDING.spent())

    def check(self, setting: SuiteSetting) -> None:
        """Check a case and time nothing; raises what its kernel raises, `Skip` with the reason and `Wrong` among it.

        What it has changed for the cases behind it is put back, and is `Wrong` where nothing else was.
        """
        if isinstance(setting, HarnessSetting):
            itself.check(setting)
            return
        state = State.read()
        try:
            self._check(setting)
        finally:
            changed = [*state.put_back(), *self.store.put_back()]
        if changed:
            raise Wrong(f"changed {', '.join(changed)}")

    def _check(self, setting: AnySetting) -> None:
        if isinstance(setting, TrainingSetting):
            self._check_training(setting)
            return
        work = self._ready(setting)()
        work.check(work())
        work.check_memory()
        probe = work.probe(work)
        for _ in range(LOOKS):
            probe.change()
            probe()
            probe.look()
        probe.judge()
        work.check_kept()
        work.check(work())
        work.check_operands()

    def digest(self, setting: AnySetting) -> str | None:
        """Return the digest of what a case sees of its graph; None where the graph cannot be loaded."""
        try:
            graph = self._graph(setting)
            return graph.task_digest if isinstance(setting, TrainingSetting) else graph.digest
        except Exception:  # whatever it is: the case's own attempt has met it as well, and its record says so
            return None

    def fault(self, setting: SuiteSetting) -> str | None:
        """Return why no later case can use the device of one that failed; None where it can, with the memory given back."""
        if setting.device == "cpu":
            return None
        self.rest()
        return faults.fault(setting.device)

    def rest(self) -> None:
        """Give back what a GPU, and a process that keeps freed memory, has for the next case: another process comes first."""
        self.store.operands.free_gpu()
        if allocator.is_kept():
            allocator.trim()

    def _ready(self, setting: Setting) -> Callable[[], Work]:
        prepare = products.from_setting(setting, self.catalog, self.store)
        share = self.slow_down
        return prepare if share is None else lambda: slowed(prepare(), share, devices.clock(setting.clock))

    def _training_record(self, setting: TrainingSetting, follow: Follow) -> Record:
        reason = setting.why_not(self.catalog)
        if reason is not None:
            return Record(case=setting.case(), status="skipped", reason=reason)
        from rsc_bench.suites.training import run as training  # needs PyTorch Geometric

        self.rest()  # what products kept would count as memory of the training
        record = training.attempt(setting.case(), lambda: training.train(setting, self._watched(setting), self.catalog, follow))
        return blamed(record, self.store.put_back())

    def _check_training(self, setting: TrainingSetting) -> None:
        reason = setting.why_not(self.catalog)
        if reason is not None:
            raise Skip(reason)
        from rsc_bench.suites.training import run as training

        graph = self._watched(setting)
        reason = lack(graph)
        if reason is not None:
            raise Skip(reason)  # a graph for products is checked for these, and nobody asked for trainings
        training.check(setting, graph, self.catalog)

    def _watched(self, setting: TrainingSetting) -> Graph:
        """Return the graph of a training, whose adjacency others train on and multiply, too."""
        graph = self._graph(setting)
        self.store.watched = Fingerprint(graph.adjacency, transposed=False)
        return graph

    def _graph(self, setting: AnySetting) -> Graph:
        return self.store.graph(setting.graph, setting.reorder)
