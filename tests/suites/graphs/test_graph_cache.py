import pytest

from rsc_bench.suites.graphs.cache import Cache


def tens(most_bytes):
    """A cache of numbers, each of which takes forty bytes: what gets some of them, what was made, and the cache."""
    made = []
    cache = Cache(lambda thing: 40, lambda taken: most_bytes)

    def get(*keys):
        return [cache.get(key, lambda key=key: made.append(key) or key * 10) for key in keys]

    return get, made, cache


def test_things_are_kept_until_they_fill_their_bytes():
    get, made, _ = tens(most_bytes=100)
    assert get(1, 2, 1, 3, 1, 2) == [10, 20, 10, 30, 10, 20]
    assert made == [1, 2, 3, 2], "1 is used again and again and stays; 2 makes room for 3"


def test_the_thing_in_use_stays_however_large_it_is():
    get, made, _ = tens(most_bytes=1)
    get(1, 1, 2, 2, 1)
    assert made == [1, 2, 1]


def test_how_much_there_may_be_is_read_anew_from_what_there_is():
    taken_bytes, most = [], iter([80, 40, 80])
    cache = Cache(lambda thing: 40, lambda taken: taken_bytes.append(taken) or next(most))
    cache.get(1, lambda: "first"), cache.get(2, lambda: "second")
    assert taken_bytes == [80], "one thing alone always stays"
    cache.get(2, pytest.fail)
    assert cache.get(1, lambda: "anew") == "anew", "there was room for one by then"
    assert taken_bytes == [80, 80, 80]


def test_a_thing_that_has_grown_makes_others_go():
    cache, one = Cache(len, lambda taken: 10), bytearray(4)
    cache.get("one", lambda: one), cache.get("two", lambda: bytes(4))
    one.extend(bytes(4))
    cache.get("one", pytest.fail)
    assert cache.get("two", lambda: b"anew") == b"anew"


def test_all_but_the_last_can_be_dropped():
    get, made, cache = tens(most_bytes=1000)
    get(1, 2, 3)
    cache.keep_last()
    get(3, 1)
    assert made == [1, 2, 3, 1]


def test_what_could_not_be_made_is_not_kept():
    get, _, cache = tens(most_bytes=1000)
    with pytest.raises(ZeroDivisionError):
        cache.get(1, lambda: 1 / 0)
    assert get(1) == [10]
