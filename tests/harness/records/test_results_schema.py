from rsc_bench.harness.records.measurement import PARTS
from rsc_bench.harness.records.schema import schema


def test_every_field_of_a_measurement_is_described_in_its_words():
    properties = schema()["$defs"]["Flat"]["properties"]
    names = [name for part in PARTS.values() for name in part.__struct_encode_fields__]
    assert sorted(properties) == sorted(names)
    assert [name for name in names if not properties[name].get("description", "").endswith((".", ")"))] == []


def test_what_other_programs_may_rely_on_is_required():
    assert set(schema()["$defs"]["Flat"]["required"]) == {
        "times_s", "select_s", "prepare_s", "rel_error", "nnz", "kept_nnz", "peak_bytes",
    }  # fmt: skip


def test_it_says_which_schema_of_ours_it_is():
    assert "schema 1" in schema()["title"]
