import os

import pytest

from rsc_bench.harness.machine import cores

PAIRS = {0: (0, 4), 4: (0, 4), 1: (1, 5), 5: (1, 5), 2: (2, 6), 6: (2, 6), 3: (3, 7), 7: (3, 7)}
"""Four physical cores of two threads each, numbered as Intel's are: all first threads, then all second ones."""


@pytest.fixture
def system(tmp_path):
    """Make a tree as Linux has it, of what it says about each core."""

    def made(lists):
        for core, text in lists.items():
            folder = tmp_path / f"cpu{core}" / "topology"
            folder.mkdir(parents=True)
            (folder / "thread_siblings_list").write_text(text)
        return tmp_path

    return made


@pytest.mark.parametrize(
    ("cores_each", "expected"),
    [
        (1, [(0, 4), (1, 5), (2, 6), (3, 7)]),
        (2, [(0, 1, 4, 5), (2, 3, 6, 7)]),
        (3, [(0, 1, 2, 4, 5, 6)]),
        (4, [(0, 1, 2, 3, 4, 5, 6, 7)]),
        (None, [(0, 1, 2, 3, 4, 5, 6, 7)]),
        (5, []),
    ],
)
def test_groups_are_of_physical_cores_with_all_of_their_threads(cores_each, expected):
    assert cores.split(range(8), PAIRS, cores_each) == expected


def test_a_thread_that_may_not_be_used_is_in_no_group_and_its_core_counts_all_the_same():
    assert cores.split({0, 1, 5, 6}, PAIRS, 1) == [(0,), (1, 5), (6,)]


def test_where_nothing_is_said_about_threads_each_logical_core_is_a_physical_one():
    assert cores.split({3, 1, 2}, {}, 1) == [(1,), (2,), (3,)]
    assert cores.split({3, 1, 2}, {}, 2) == [(1, 2)], "the third is left over"


def test_no_physical_core_is_in_two_groups_where_the_system_contradicts_itself():
    said = {0: (0, 2), 1: (1,), 2: (2, 1)}
    assert cores.split(range(3), said, 1) == [(0, 1, 2)]


def test_no_usable_cores_are_no_groups():
    assert cores.split((), {}, None) == []
    assert cores.split((), {}, 1) == []


@pytest.mark.parametrize("cores_each", [0, -1])
def test_less_than_one_core_is_refused(cores_each):
    with pytest.raises(ValueError, match=rf"at least 1 core \(got {cores_each}\)"):
        cores.split(range(8), PAIRS, cores_each)


def test_threads_are_read_as_linux_lists_them(system):
    tree = system({0: "0,4\n", 4: "0,4\n", 2: "2-3\n", 3: "2-3\n", 8: "8\n"})
    assert cores.siblings((0, 2, 3, 4, 8), tree) == {0: (0, 4), 4: (0, 4), 2: (2, 3), 3: (2, 3), 8: (8,)}


def test_a_core_of_which_the_system_says_nothing_or_nonsense_is_left_out(system):
    tree = system({0: "", 1: "one\n", 2: "2\n"})
    assert cores.siblings((0, 1, 2, 3), tree) == {2: (2,)}


def test_the_groups_of_this_machine_are_what_the_process_may_use_and_no_core_is_in_two():
    every = [core for group in cores.groups(1) for core in group]
    assert sorted(every) == sorted(set(every)) == list(cores.usable())
    assert cores.groups(None) == [cores.usable()]
    assert cores.groups(len(every) + 1) == []


def test_the_tree_that_is_given_is_the_one_that_is_read(system):
    usable = cores.usable()
    tree = system(dict.fromkeys(usable, ",".join(map(str, usable))))
    assert cores.groups(1, tree) == [usable], "all are threads of one core"


@pytest.mark.skipif(not cores.can_pin(), reason="this system does not let a process choose its cores")
def test_a_process_can_be_given_a_group():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, cores.groups(1)[0])
        assert cores.usable() == cores.groups(1)[0]
    finally:
        os.sched_setaffinity(0, before)
