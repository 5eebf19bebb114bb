"""What the help says of the options of the suites."""

from rsc_bench.harness.measure.sampling import Limits
from rsc_bench.suites.measuring.session import NEW_FILE_ROUNDS, TRAINING_ROUNDS
from rsc_bench.suites.options import CASE_TIMEOUT_S
from rsc_bench.text import call

FLAGS = {
    "--benchmark": "measure every case; without it each is checked once, on small graphs",
    "--no-cache": "make every graph anew, and keep none on disk for the next run",
    "--ablation": "train the method with each of its parts left out or changed, too",
    "--controls": "train what sampling has to beat, too: fewer edges, mini-batches, ...",
    "--in-process": "measure in pytest's own process, for a debugger, and not in workers",
}
ONCE = {
    "--results FILE": "results file to begin or to carry on (default: results/TIME.jsonl)",
    "--slow-down SHARE": "make each call longer by that share (5%%, say), to try whether a comparison notices; products only",
    "--rounds N": f"passes over the sweep (default: {NEW_FILE_ROUNDS}, {TRAINING_ROUNDS} with trainings or on a finished file)",
    "--device cpu|cuda[:i]": "where to run (default: the GPU where there is one)",
    "--data-root DIR": "where published graphs lie or are downloaded to (default: data)",
    "--max-nnz N": "growth: non-zeros of its largest graph (default: 1e7 on a CPU, 1e8 on a GPU)",
    "--layers N": "depth of the models that are trained (default: 3; GCNII 4)",
    "--epochs N": "epochs of a training (default: the paper's, at most 60 on a CPU)",
    "--seeds N": "trainings of each kind, with seeds from 0 (default: 3)",
    "--warmup restart|N": "exact steps before training samples (default: 5); restart goes back to the beginning behind them",
    "--interval N": "products that one selection serves in a training (default: 10)",
    "--switch-at SHARE": "share of a training from which on it is exact (default: 0.8)",
    "--allocation NAME": "what shares the budget out over layers: greedy (default), optimal, uniform, published",
    "--amp bf16": "train in torch's autocast, which computes dense layers in bfloat16",
    "--case-timeout SECONDS": f"seconds until a product, or a training's epoch, is ended as failed (default: {CASE_TIMEOUT_S:g})",
    "--precision SHARE": f"enough samples: the median's 95%% interval is so narrow (default: {Limits.precision:g})",
    "--max-time SECONDS": f"enough samples: they have taken so long (default: {Limits.time_s:g})",
    "--min-samples N": f"samples that are always taken (default: {Limits.fewest})",
}
REPEATED = {
    "--graph NAME|PATH": "graph, or graph file; twin:NAME is a synthetic stand-in for a published graph, @SHARE a smaller one",
    "--kernel NAME|FILE.py": "kernel, beside the exact ones it is compared with; baselines: every baseline of the device",
    "--plugin FILE.py": "file with plug-ins of any kind: kernels, selections, models, graph sources, orders, clocks, ...",
    "--budget C": "share of the exact FLOPs, in (0, 1]",
    "--width D": "columns of the dense operand",
    "--dtype NAME": "float32, bfloat16 or float16: what operands and results are stored in",
    "--reduce NAME": "aggregation: sum (default) or mean, of the suite minmax max (default) or min",
    "--memory fresh|kept": "what becomes of freed memory on a CPU: it goes back to the system, so that large results are fresh "
    "memory, or the process keeps it. Without it products above 32 MB are measured both ways, others and trainings fresh",
    "--clock NAME": "timing mode: host, on a GPU cuda_cold and cuda_hot (default there), cuda_graph; a training: host",
    "--selection NAME": "what chooses pairs in trainings: topk (default), random, importance",
    "--recipe KEY=VALUE|FILE.toml": "what models are trained with, in place of the published value (suites/training/recipes.toml)",
    "--reorder NAME": f"order of the nodes of each graph (`{call('list')}` names them); none: the source's own (default)",
    "--model NAME|FILE.py": f"model to train (`{call('list')}` names them), or one of yours. Trainings take minutes each: they are "
    "measured where test_training.py or an option of theirs is named (default there: GCN), and a few small ones where nothing is",
}
