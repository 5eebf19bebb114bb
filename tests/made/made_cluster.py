"""A Ray cluster of three nodes on this machine, each with processes of its own, and a study that is measured on it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]

SHORT = os.environ.get("RSC_BENCH_CLUSTER", "short") != "whole"
"""Whether the study is a small one: tox's environment ``cluster`` measures the whole one."""
ROUNDS = 3 if SHORT else 9
GRAPHS = ["twin:ogbn-arxiv@0.02", "twin:reddit2@0.01"] + ["twin:yelp@0.01"] * (not SHORT)
STUDY = f"""
rounds = {ROUNDS}
case-timeout = 120
leave-out = ["cusparse", "torch_sparse", "triton", "importance", "random"]

[products]
graph = {GRAPHS}
width = {[32] if SHORT else [32, 128]}
budget = 0.1
"""


MEASURING = "rsc_bench.suites.measuring.serving"


def family(node):
    """The processes of a node: Ray's, the devices', and those that measure."""
    with contextlib.suppress(psutil.Error, KeyError):  # a node that is shut down has no processes
        raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
        return [raylet, *raylet.children(recursive=True)]
    return []


@contextlib.contextmanager
def on_core(core):
    """Start what is started meanwhile on one core: a node then has that one, and no machine is larger than its part of Ray's."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    yield
    os.sched_setaffinity(0, before)


class Nodes:
    """Three nodes, of which one is killed and one is slowed while a study is measured."""

    def __init__(self):
        from ray.cluster_utils import Cluster

        os.environ["PYTHONPATH"] = str(ROOT)
        resources = {"num_cpus": 1, "num_gpus": 0, "object_store_memory": 80_000_000}
        cores = sorted(os.sched_getaffinity(0))
        with on_core(cores[0]):
            self.cluster = Cluster(initialize_head=True, head_node_args=resources | {"include_dashboard": False})
        self.others = []
        for place in (1, 2):
            with on_core(cores[place % len(cores)]):
                self.others.append(self.cluster.add_node(**resources))
        self.address = self.cluster.address
        self._over = threading.Event()

    def name(self, node):
        """How a sweep calls the node: those of one host are numbered in the order of Ray's own identifiers."""
        order = sorted(each.node_id for each in self.cluster.list_all_nodes())
        return f"{socket.gethostname()}-{order.index(node.node_id) + 1} "

    def kill(self, node):
        """Kill a node with SIGKILL: what measures on it, and what Ray runs there."""
        for process in family(node):
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)

    def slow(self, node):
        """Let what measures on a node run for a third of the time from now on."""

        def stutter():
            while not self._over.is_set():
                for number, seconds in ((signal.SIGSTOP, 0.2), (signal.SIGCONT, 0.1)):
                    for process in family(node):
                        with contextlib.suppress(psutil.Error):
                            if MEASURING in " ".join(process.cmdline()):
                                process.send_signal(number)
                    time.sleep(seconds)

        threading.Thread(target=stutter, daemon=True).start()

    def close(self):
        self._over.set()
        self.cluster.shutdown()


def sweep(study, *options, **more):
    command = [sys.executable, "-m", "rsc_bench", "sweep", str(study), *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, cwd=study.parent, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more
    )
