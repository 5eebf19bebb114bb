"""What a user accepts no longer fails, and says why."""

import pytest
from made_runs import case, not_ok, ok, run

from rsc_bench.harness.compare.acceptance import Acceptance, AcceptanceError, accepted, from_file, from_text
from rsc_bench.harness.compare.comparison import compare

TIMES = (1.0, 1.01, 1.02)
SAMPLED = case("topk(mkl)", budget=0.1, suite="sampled")
MEAN = case("slow", reduce="mean")


def comparison():
    """Three slower, one of them sampled and one with another aggregation; one missing, one wrong, one the same."""
    slow = (case("slow"), MEAN, SAMPLED)
    base = [[*(ok(each, t) for each in (*slow, case("gone"), case("off"), case("even")))] for t in TIMES]
    new = [
        [*(ok(each, 2 * t) for each in slow), not_ok(case("off"), "wrong", "off by 1"), ok(case("even"), 1.001 * t)] for t in TIMES
    ]
    return compare(run(*base), run(*new))


def reasons(*texts):
    """The reason for which each case is accepted, by its name; those that are not are left out."""
    found = accepted(comparison(), [from_text(text) for text in texts])
    return {str(verdict.case): verdict.accepted for verdict in found.verdicts if verdict.accepted}


SLOW, ITS_MEAN, TOPK, GONE = (str(each) for each in (case("slow"), MEAN, SAMPLED, case("gone")))


@pytest.mark.parametrize(
    ("pattern", "cases"),
    [
        ("slow", [SLOW, ITS_MEAN]),
        ("kernel=slow", [SLOW, ITS_MEAN]),
        (SLOW, [SLOW]),  # a whole name stands for that case alone
        ("slow mean", [ITS_MEAN]),
        ("topk(mkl) C=0.1", [TOPK]),
        ("topk(mkl) C=0.3", []),
        ("topk(*)", [TOPK]),
        ("C=0.1 d=8", [TOPK]),
        ("budget=0.1 suite=sampled", [TOPK]),
        ("graph=twin:flickr", [SLOW, ITS_MEAN, TOPK, GONE]),
        ("missing *", [GONE]),
        ("slower *", [SLOW, ITS_MEAN, TOPK]),
        ("slower gone", []),
        ("*", [SLOW, ITS_MEAN, TOPK, GONE]),
        ("mkl", []),  # a word is a whole word: this kernel is not topk(mkl)
        ("metric=memory slow", []),
        ("slow metric=time", [SLOW, ITS_MEAN]),
    ],
)
def test_a_pattern_is_words_of_the_case_as_outputs_show_it(pattern, cases):
    assert reasons(f"{pattern}: it was meant") == dict.fromkeys(cases, "it was meant")


def test_what_is_accepted_does_not_fail_and_what_is_wrong_always_does():
    found = accepted(comparison(), [from_text("*: all of it")])
    assert [(v.change, v.fails) for v in found.verdicts] == [
        ("slower", False),
        ("slower", False),
        ("slower", False),
        ("missing", False),
        ("broken", True),
        ("same", False),
    ]
    assert (comparison().exit_status, found.exit_status) == (1, 1)
    sound = compare(run(*([ok(case("slow"), t)] for t in TIMES)), run(*([ok(case("slow"), 2 * t)] for t in TIMES)))
    assert accepted(sound, [from_text("slow: meant")]).exit_status == 0


def test_where_nothing_is_left_to_judge_it_is_no_pass():
    gone = compare(run(*([ok(case("gone"), t)] for t in TIMES)), run(*([ok(case("other"), t)] for t in TIMES)))
    assert accepted(gone, [from_text("gone: nobody used it")]).exit_status == 3


def test_the_first_reason_counts():
    assert reasons("slow: the first", "*: the second")[SLOW] == "the first"


def test_an_acceptance_without_use_is_said():
    found = accepted(comparison(), [from_text(text) for text in ("slow: good", "nobody: a", "missing even: b")])
    assert found.notes == (
        "--accept accepts 'nobody' (a), which matches no case: its words must be those of a case as --all shows it",
        "--accept accepts 'even' (b), but of the 1 cases that it matches none is missing: leave it out if that is settled",
    )


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("topk(mkl)", "--accept must be 'PATTERN: REASON' (got 'topk(mkl)')"),
        ("twin:flickr mkl", "--accept must be 'PATTERN: REASON'"),  # the colon of a name is no end of the pattern
        ("mkl:  ", "--accept: must give a reason (got none behind 'mkl')"),
        (": why", "--accept: must name a case"),
        ("slower: why", "--accept: must name a case"),
        ("wrong mkl: why", "--accept: only slower and missing can be accepted (got 'wrong')"),
        ("broken mkl: why", "--accept: only slower and missing can be accepted (got 'broken')"),
    ],
)
def test_an_acceptance_that_is_none_says_what_is_wrong(text, summary):
    with pytest.raises(AcceptanceError) as error:
        from_text(text)
    assert str(error.value).startswith(summary)


def test_a_file_holds_acceptances_each_a_table(tmp_path):
    file = tmp_path / "rsc-bench.toml"
    file.write_text(
        '[[accept]]\ncase = "topk(mkl) C=0.1"\nreason = "checks"\n[[accept]]\ncase="old"\nreason="gone"\nchange="missing"\n'
    )
    assert from_file(file) == (
        Acceptance("topk(mkl) C=0.1", "checks", str(file)),
        Acceptance("old", "gone", str(file), ("missing",)),
    )
    file.write_text("")
    assert from_file(file) == ()


@pytest.mark.parametrize(
    ("content", "summary"),
    [
        (b"[[accept]\n", "write [[accept]] with case"),
        (b'[[accept]]\ncase = "a"\n', "missing required field `reason`"),
        (b'[[accept]]\ncase = "a"\nreason = " "\n', "must give a reason"),
        (b'[[accept]]\ncase = "a"\nreason = "b"\nchange = "wrong"\n', "Invalid enum value 'wrong'"),
        (b'[[accept]]\ncase = "a"\nreason = "b"\nkernel = "c"\n', "unknown field `kernel`"),
        (b'[[acept]]\ncase = "a"\n', "unknown field `acept`"),
        (b'accept = "a"\n', "Expected `array`"),
        (b"\xff", "write [[accept]] with case"),
        (b"a = " + b"[" * 5000, "write [[accept]] with case"),
    ],
)
def test_a_file_that_cannot_be_used_says_which_and_why(tmp_path, content, summary):
    file = tmp_path / "mine.toml"
    file.write_bytes(content)
    with pytest.raises(AcceptanceError) as error:
        from_file(file)
    assert str(error.value).startswith(str(file))
    assert summary in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(AcceptanceError, match=r"none\.toml: cannot be read \(No such file or directory\)"):
        from_file(tmp_path / "none.toml")
