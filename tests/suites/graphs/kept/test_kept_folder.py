import logging
import os
import time
from pathlib import Path

import numpy as np
import pytest

from rsc_bench.suites.graphs.kept.folder import DamagedError, Entry, Folder, Key

KEY = Key("twin:x@0.1", {"code": "a"})
ENTRY = Entry({"nodes": 3}, {"col": np.arange(100, dtype=np.int32), "empty": np.zeros((0, 4), dtype=np.float32)})


def folder(path, most_bytes=10**6):
    return Folder(path, lambda taken: most_bytes)


def key(name):
    return Key(name, {})


def kept(path, names):
    return [name for name in names if folder(path).find(key(name)) is not None]


def entry(size_bytes):
    return Entry({}, {"col": np.zeros(size_bytes, dtype=np.uint8)})


def test_what_was_put_in_is_found_by_another_process(tmp_path):
    folder(tmp_path / "cache").put(KEY, ENTRY)
    found = folder(tmp_path / "cache").find(KEY)
    assert found.facts == {"nodes": 3}
    assert np.array_equal(found.array("col"), ENTRY.arrays["col"])
    assert found.array("empty").shape == (0, 4)
    assert "col" in found
    assert "labels" not in found


def test_it_is_plain_arrays_under_a_name_to_be_read(tmp_path):
    folder(tmp_path).put(KEY, ENTRY)
    (place,) = tmp_path.iterdir()
    assert place.name.startswith("twin-x-0.1-")
    assert sorted(path.name for path in place.iterdir()) == ["col.npy", "empty.npy", "entry.json"]
    assert np.load(place / "col.npy").sum() == 4950


@pytest.mark.parametrize("other", [Key("twin:x@0.1", {"code": "b"}), Key("twin:x@0.2", {"code": "a"})])
def test_another_version_or_name_is_another_entry(tmp_path, other):
    folder(tmp_path).put(KEY, ENTRY)
    assert folder(tmp_path).find(other) is None


def test_names_make_no_path_of_their_own(tmp_path):
    for name in ("../../away", "/etc/x", "z\udcfcrich.mtx", "." * 300):
        folder(tmp_path / "cache").put(key(name), ENTRY)
        assert folder(tmp_path / "cache").find(key(name)) is not None
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
    assert len(list((tmp_path / "cache").iterdir())) == 4


def test_what_a_process_writes_to_its_arrays_stays_in_it(tmp_path):
    folder(tmp_path).put(KEY, ENTRY)
    folder(tmp_path).find(KEY).array("col")[:] = 0
    assert folder(tmp_path).find(KEY).array("col")[99] == 99


def cut_short(place):
    os.truncate(place / "col.npy", 300)


def without_a_part(place):
    (place / "col.npy").unlink()


def another_head(place):
    (place / "entry.json").write_text("[1, 2")


def head_of_another_shape(place):
    (place / "entry.json").write_text('{"layout": 1, "arrays": 7}')


def of_another_layout(place):
    text = (place / "entry.json").read_text()
    (place / "entry.json").write_text(text.replace('"layout": 1', '"layout": 99'))


def pickled(place):
    np.save(place / "col.npy", np.array([print], dtype=object), allow_pickle=True)


DAMAGES = (cut_short, without_a_part, another_head, head_of_another_shape, of_another_layout, pickled)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_entry_is_none_and_goes_so_that_it_is_made_anew(tmp_path, damage):
    folder(tmp_path).put(KEY, ENTRY)
    damage(next(tmp_path.iterdir()))
    assert folder(tmp_path).find(KEY) is None
    assert list(tmp_path.iterdir()) == []
    folder(tmp_path).put(KEY, ENTRY)
    assert folder(tmp_path).find(KEY).array("col")[99] == 99


def test_one_bit_that_has_changed_is_noticed(tmp_path):
    folder(tmp_path).put(KEY, ENTRY)
    path = next(tmp_path.glob("*/col.npy"))
    data = bytearray(path.read_bytes())
    data[-7] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedError):
        folder(tmp_path).find(KEY).array("col")


def test_what_was_used_longest_ago_makes_room(tmp_path):
    for age, name in enumerate(("third", "second", "first")):
        folder(tmp_path, 4000).put(key(name), entry(1000))
        head = next(tmp_path.glob(f"{name}-*/entry.json"))
        os.utime(head, (time.time() - 1000 * (age + 1),) * 2)
    folder(tmp_path, 4000).find(key("first"))
    folder(tmp_path, 4000).put(key("last"), entry(1000))
    assert kept(tmp_path, ("first", "second", "third", "last")) == ["first", "third", "last"]


def test_what_is_larger_than_all_may_be_is_not_kept_and_nothing_goes_for_it(tmp_path, caplog):
    small = folder(tmp_path, 4000)
    small.put(key("one"), entry(1000))
    small.put(key("large"), entry(5000))
    small.put(key("larger"), entry(6000))
    small.put(key("two"), entry(1000))
    assert kept(tmp_path, ("one", "large", "larger", "two")) == ["one", "two"]
    assert "large is not kept: it takes 5e-06 GB" in small.trouble
    assert [record.levelno for record in caplog.records] == [logging.WARNING], "said once"


def test_with_no_room_at_all_nothing_is_kept_or_said(tmp_path, caplog):
    nothing = folder(tmp_path, 0)
    nothing.put(KEY, ENTRY)
    assert (nothing.find(KEY), nothing.trouble, caplog.records) == (None, None, [])


def test_a_folder_that_cannot_be_made_is_said_once_with_the_remedy(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    broken = folder(tmp_path / "file" / "cache")
    broken.put(KEY, ENTRY)
    broken.put(key("other"), ENTRY)
    assert broken.find(KEY) is None
    assert broken.trouble.endswith("(Not a directory): set RSC_BENCH_CACHE to a folder that can be written")
    assert len(caplog.records) == 1


def test_a_full_disk_leaves_no_half_entry(tmp_path, monkeypatch):
    def full(*arguments, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    broken = folder(tmp_path)
    broken.put(KEY, ENTRY)
    assert "No space left on device" in broken.trouble
    assert list(tmp_path.iterdir()) == []


def test_of_two_processes_that_make_the_same_the_first_one_stays(tmp_path):
    folder(tmp_path).put(KEY, ENTRY)
    again = folder(tmp_path)
    again.put(KEY, Entry({"nodes": 4}, ENTRY.arrays))
    assert again.trouble is None
    assert again.find(KEY).facts == {"nodes": 3}
    assert len(list(tmp_path.iterdir())) == 1


def test_an_entry_that_another_process_removes_can_be_used_to_the_end(tmp_path):
    folder(tmp_path).put(KEY, ENTRY)
    found = folder(tmp_path).find(KEY)
    folder(tmp_path).drop(KEY)
    assert list(tmp_path.iterdir()) == []
    assert found.array("col")[99] == 99


def test_what_a_killed_process_left_goes_when_it_is_old(tmp_path):
    for name, age in ((".draft-old", 4000), (".draft-new", 0)):
        place = Path(tmp_path, name)
        place.mkdir()
        os.utime(place, (time.time() - age,) * 2)
    folder(tmp_path).put(KEY, ENTRY)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == [".draft-new"]
