"""Records of cases on a GPU whose power and energy follow from simple rules."""

from synthetic_results import case, ok

from rsc_bench.harness.records.gpu_trace import Energy, GpuTrace
from rsc_bench.harness.records.run import Record

IDLE_W = 75.0
REFUSED = "the energy counter cannot be read: Not Supported"
ELSEWHERE = "measured once a session for all clocks and rounds (under cuda_hot)"


def energy(call_j: float, power_w: float) -> Energy:
    """A pass of 2 s at some power, of as many calls as make one cost `call_j` above idle."""
    return Energy(
        step_s=[0.0, 1.0, 2.0],
        counter_j=[0.0, power_w, 2 * power_w],
        calls=round(2 * (power_w - IDLE_W) / call_j),
        pass_s=2.0,
        idle_w=IDLE_W,
    )


def telemetry(power_w: float) -> GpuTrace:
    steady = {"sm_clock_mhz": [1980] * 2, "temperature_c": [45] * 2, "throttle_reasons": [0, 4]}
    return GpuTrace(period_s=0.1, offset_s=[0.5, 1.5], mark_s={"sample": 0.0, "end": 2.0}, power_w=[power_w] * 2, **steady)


def on_gpu(graph: str = "ring", width: int = 64) -> list[Record]:
    """Exact kernels and one before which is sampled, under two clocks; energy stands with the hot one."""
    found = []
    for clock in ("cuda_cold", "cuda_hot"):
        place = {"graph": graph, "width": width, "device": "cuda:0", "clock": clock}
        hot = clock == "cuda_hot"
        told = [{"energy": energy(call_j, 475.0)} if hot else {"energy_missing": ELSEWHERE} for call_j in (0.5, 0.4, 0.05)]
        seen = {"telemetry": telemetry(475.0), "throttled": [0] if hot else []}
        found += [
            ok(case("cusparse", **place), 2.0, **seen, **told[0]),
            ok(case("rows_triton", **place), 1.5, **seen, **told[1]),
            ok(case("topk(rows_triton)", 0.1, **place), 0.5, **seen, **told[2]),
            ok(case("topk(cusparse)", 0.1, **place), 0.6, energy_missing=REFUSED, telemetry_missing="GPU is lost"),
        ]
    return found
