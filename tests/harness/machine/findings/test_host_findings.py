import pytest

from rsc_bench.allocator import Allocator
from rsc_bench.harness.machine.findings import host


@pytest.mark.parametrize(
    ("logical", "usable", "quota", "state"), [(8, 8, None, "ok"), (8, 2, None, "hint"), (8, 8, 1.5, "hint"), (8, 8, 8.0, "ok")]
)
def test_cores_that_may_not_be_used_are_a_hint(logical, usable, quota, state):
    assert host.cores(logical, usable, quota).state == state


@pytest.mark.parametrize(("name", "state"), [("performance", "ok"), ("powersave", "hint"), (None, "ok")])
def test_a_governor_that_follows_the_load_is_a_hint(name, state):
    assert host.governor(name).state == state


def test_little_free_memory_is_a_hint():
    assert host.memory(16 * 2**30, 8 * 2**30).state == "ok"
    assert host.memory(16 * 2**30, 2**30).state == "hint"


@pytest.mark.parametrize(("slow_s", "state"), [(1.05, "ok"), (1.5, "hint")])
def test_work_that_varies_is_a_hint(slow_s, state):
    assert host.noise([1.0] * 10 + [slow_s] * 10).state == state


def test_the_spread_is_that_of_the_ninth_decile_over_the_fastest():
    assert host.spread_percent([1.0] * 4 + [2.0] * 16) == pytest.approx(100)
    assert host.spread_percent([1.0] * 20) == 0


def test_noise_is_measured_on_repetitions_of_the_same_work():
    times_s = host._repeated(seconds=0)
    assert len(times_s) == 10, "as many as deciles need, however short the time"
    assert min(times_s) > 0


@pytest.mark.parametrize(("busy_percent", "state"), [(3.0, "ok"), (60.0, "hint")])
def test_a_busy_machine_is_a_hint(busy_percent, state):
    found = host.load(busy_percent)
    assert (found.state, found.summary) == (state, f"{busy_percent:.0f} % of all cores busy with other processes")


def test_how_busy_a_machine_is_lies_between_nothing_and_all_of_it():
    pytest.importorskip("psutil", reason="psutil is not installed: pip install psutil")
    assert 0 <= host.busy_percent(seconds=0.01) <= 100


@pytest.mark.parametrize(
    ("name", "kept", "state", "words", "remedy"),
    [
        ("glibc", False, "ok", "glibc gives large blocks back", "rsc_bench.keep_memory()"),
        ("glibc", False, "ok", "measured so, and in a process that keeps them (--memory)", "rsc_bench.keep_memory()"),
        ("glibc", True, "ok", "glibc keeps large blocks", None),
        ("tcmalloc", True, "ok", "tcmalloc (file) keeps large blocks", None),
        ("jemalloc", False, "hint", "jemalloc (file) gives large blocks back", "MALLOC_CONF=dirty_decay_ms:-1"),
        ("unknown", None, "ok", "cannot be seen here", None),
    ],
)
def test_an_allocator_that_was_loaded_and_does_not_keep_what_is_freed_is_a_hint(name, kept, state, words, remedy):
    found = host.freed_memory(Allocator(name, "file"), kept)
    assert (found.state, words in found.summary) == (state, True)
    assert found.remedy is None if remedy is None else remedy in found.remedy


@pytest.mark.parametrize(("given", "state"), [(True, "ok"), (False, "hint")])
def test_a_system_without_huge_pages_is_a_hint(given, state):
    found = host.huge_pages(given)
    assert found.state == state
    assert ("no huge pages" in found.summary) != given
    assert bool(found.remedy) != given
