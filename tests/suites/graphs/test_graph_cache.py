"""What is kept for those who ask again."""

import pytest

from rsc_bench.suites.graphs.cache import Kept


def asking(most_bytes):
    """Something to ask for numbers with, each of which takes forty bytes, and what was made."""
    made = []
    kept = Kept(lambda thing: 40, lambda taken: most_bytes)

    def ask(*keys):
        return [kept.get(key, lambda key=key: made.append(key) or key * 10) for key in keys]

    return ask, made, kept


def test_things_are_kept_until_they_fill_their_bytes():
    ask, made, _ = asking(most_bytes=100)
    assert ask(1, 2, 1, 3, 1, 2) == [10, 20, 10, 30, 10, 20]
    assert made == [1, 2, 3, 2], "1 is used again and again and stays; 2 makes room for 3"


def test_the_thing_in_use_stays_however_large_it_is():
    ask, made, _ = asking(most_bytes=1)
    ask(1, 1, 2, 2, 1)
    assert made == [1, 2, 1]


def test_how_much_there_may_be_is_asked_anew_and_told_what_there_is():
    told, most = [], iter([80, 40, 80])
    kept = Kept(lambda thing: 40, lambda taken: told.append(taken) or next(most))
    kept.get(1, lambda: "first"), kept.get(2, lambda: "second")
    assert told == [80], "one thing alone always stays"
    kept.get(2, pytest.fail)
    assert kept.get(1, lambda: "anew") == "anew", "there was room for one by then"
    assert told == [80, 80, 80]


def test_a_thing_that_has_grown_makes_others_go():
    kept, one = Kept(len, lambda taken: 10), bytearray(4)
    kept.get("one", lambda: one), kept.get("two", lambda: bytes(4))
    one.extend(bytes(4))
    kept.get("one", pytest.fail)
    assert kept.get("two", lambda: b"anew") == b"anew"


def test_all_but_the_last_can_be_let_go():
    ask, made, kept = asking(most_bytes=1000)
    ask(1, 2, 3)
    kept.keep_last()
    ask(3, 1)
    assert made == [1, 2, 3, 1]


def test_what_could_not_be_made_is_not_kept():
    ask, _, kept = asking(most_bytes=1000)
    with pytest.raises(ZeroDivisionError):
        kept.get(1, lambda: 1 / 0)
    assert ask(1) == [10]
