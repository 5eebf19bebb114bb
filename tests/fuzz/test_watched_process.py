"""The process that reads damaged files notices what must not happen, and goes on behind it."""

from pathlib import Path

import pytest
import watched_process
from watched_process import Watched


@pytest.fixture(scope="module")
def act():
    watched = Watched("misbehaving:act")
    yield watched
    watched.close()


@pytest.mark.parametrize(
    ("name", "noticed"),
    [
        ("raise", "ValueError: it is damaged"),
        ("exit", "it ends its process: exit status 0"),
        ("crash", "it ends its process: exit status -11"),
        ("hang", "it hangs: no answer after 0.5 s"),
        ("take", r"it takes (29|30)\d,"),
    ],
)
def test_what_must_not_happen_is_noticed_and_the_next_file_is_read(act, monkeypatch, name, noticed):
    monkeypatch.setattr(watched_process, "MOST_SECONDS", 0.5 if name == "hang" else 5.0)
    monkeypatch.setattr(watched_process, "MOST_BYTES", 10**8)
    with pytest.raises(AssertionError, match=noticed):
        act(Path(name))
    act(Path("nothing"))


def test_what_is_printed_is_no_answer(act):
    act(Path("print"))
