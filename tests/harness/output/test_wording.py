import math

import pytest

from rsc_bench.harness.compare.reasons import (
    Broken,
    Differs,
    Explained,
    Missing,
    NoCeiling,
    NoRatio,
    OneSided,
    TooFew,
    Undecided,
)
from rsc_bench.harness.output.wording import reason_text

SHARES = (("gather", 50.0, 100 / 3), ("copy", 16.94, 16.94))


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (None, ""),
        (Broken("wrong", "error 0.3 is above 1e-5"), "wrong: error 0.3 is above 1e-5"),
        (Broken("wrong", "row 3", "absent"), "absent in base, in new wrong: row 3"),
        (Missing(), "measured in base, absent in new"),
        (OneSided("memory", "base"), "memory is known in base only"),
        (NoRatio("error", 0.0, 0.1), "a ratio needs finite values above 0 in every round (error 0 -> 0.1)"),
        (NoRatio("break-even", 12.0, math.inf), "a ratio needs finite values above 0 in every round (break-even 12 -> never)"),
        (TooFew("seeds", (2, 1)), "needs at least 3 seeds on each side (has 2 and 1)"),
        (Differs((("graphs", ()),)), "the graph's contents differ"),
        (Differs((("clocks", ("host", "cuda_hot")),)), "the clocks differ (host in base, cuda_hot in new)"),
        (
            Differs((("machines", ("cpu.model",)), ("versions", ("python", "torch_build")))),
            "the machines differ (cpu.model); the versions differ (python, torch_build)",
        ),
        (
            Undecided("slower", "rounds", more=58, judged_cases=4),
            "looks slower, but may be chance (one of 4 judged): about 58 more rounds on each side",
        ),
        (
            Undecided("same", "trainings", more=None, judged_cases=1),
            "looks same, but the interval is too wide to say: more trainings would hardly settle it",
        ),
        (NoCeiling(), "no ceiling on both sides to normalise its time by"),
        (Explained("device", 0.5, SHARES), "the device's: time 0.500, 50 % -> 33.3 % of gather, 16.9 % -> 16.9 % of copy"),
        (Explained(None, 1.0, SHARES[:1]), "time 1.000, 50 % -> 33.3 % of gather"),
    ],
)
def test_every_reason_has_its_sentence(reason, sentence):
    assert reason_text(reason) == sentence
