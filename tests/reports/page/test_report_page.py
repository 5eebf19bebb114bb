import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("plotly", reason="plotly is not installed: pip install plotly")

from synthetic_results import ENVIRONMENT, Sweep, bad, case, ok, sweep, write_results

from rsc_bench.harness.records.file import ResultsError
from rsc_bench.reports.page.render import times, write

HOSTILE = ("<script>alert(1)</script>", "\"'</script><img src=x onerror=alert(2)>", "{{ 7 * 7 }}", "<!--", "a & b")


class Tags(HTMLParser):
    """Collects what a browser would load or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


def page_of(tmp_path: Path, *rounds, environment=None) -> str:
    path = write_results(tmp_path / "run.jsonl", list(rounds), environment)
    write([path], tmp_path / "page.html")
    return (tmp_path / "page.html").read_text(encoding="utf-8")


def data_of(page: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    return page_of(tmp_path_factory.mktemp("page"), *sweep(Sweep(rounds=2)))


def test_the_page_has_its_sections(page):
    sections = [attributes["id"] for tag, attributes in Tags(page).found if tag == "section"]
    assert sections == ["headline", "figures", "cases", "unmeasured", "reading", "environment"]


def test_fresh_and_kept_memory_are_explained_where_there_are_both(page, tmp_path):
    records = [ok(case(kernel, budget, freed_memory=memory), 4) for kernel, budget in (("mkl", None), ("topk(mkl)", 0.1))
               for memory in (None, "kept")]  # fmt: skip
    both = page_of(tmp_path, records)
    assert "<dt>Fresh and kept memory</dt>" in both
    assert "the only exact kernel that was measured, all with <b>kept memory</b>" in " ".join(both.split())
    assert "<dt>Fresh and kept memory</dt>" not in page
    assert "all with <b>" not in page


def test_the_page_loads_nothing(page):
    loading = [
        attributes[name] for _, attributes in Tags(page).found for name in ("src", "href", "data", "srcset") if attributes.get(name)
    ]
    assert [address for address in loading if not address.startswith(("#", "data:"))] == []
    own = page.replace(re.search(r"<script>\s*/\*\*.*?</script>", page, re.DOTALL)[0], "")
    assert not re.search(r"https?://|@import|url\(", own)


def test_plotly_is_on_the_page_once_and_only_where_there_is_a_figure(page, tmp_path):
    assert page.count("plotly.js v") == 1
    assert "plotly.js v" not in page_of(tmp_path, [])


def test_the_headline_says_what_a_speedup_is_against_and_how_many_rounds_it_rests_on(page):
    headline = page[page.index('<section id="headline">') : page.index('<section id="figures">')]
    assert "8.89×" in headline  # 12 / (12 x 0.1 + 1.5 / 10), see synthetic_results
    assert re.search(r"against <b>rows_numba</b>, the fastest exact kernel", headline)
    assert all(f">{header}</th>" in headline for header in ("vs mkl", "vs torch-sparse", "error", "rounds"))


def test_how_many_cases_are_broken_stands_below_the_title_and_leads_to_them(tmp_path):
    head = page_of(tmp_path, [ok(case("mkl"), 20), bad(case("mine"), "wrong", "row 3")]).partition("</header>")[0]
    assert '<a href="#unmeasured">1 of 2 cases has no number: 1 wrong</a>' in head


def test_a_number_that_is_luck_is_not_printed_large(tmp_path):
    rounds = [[ok(case("mkl"), 20), ok(case("topk(mkl)", 0.1), ms)] for ms in (0.1, 22)]
    headline = page_of(tmp_path, *rounds).partition('<section id="headline">')[2].partition("</section>")[0]
    assert re.findall(r'<p class="big[^>]*>(.*?)</p>', headline) == ["unclear"]
    assert re.search(r"<p>0\.909× to 200×, depending on the round,\s+with 10&nbsp;% of the FLOPs", headline)
    assert "100× ?" in headline
    assert "A question mark: " in headline


def test_every_case_without_a_measurement_is_on_the_page_with_its_reason(page):
    for reason in ("error 0.31 is above 0.001", "RuntimeError: out of memory", "no GPU: run on", "torch_sparse is not installed"):
        assert reason in page


def test_two_graphs_of_one_name_are_told_apart_in_words_and_in_every_section(tmp_path):
    seen = [("aaaaaaaaaaaaaaaa", 1.0), ("bbbbbbbbbbbbbbbb", 2.0)]
    cases = [(case(graph_digest=digest), case("topk(rows_numba)", 0.3, graph_digest=digest), time) for digest, time in seen]
    page = page_of(tmp_path, *([ok(exact, 4 * time), ok(sampled, time)] for exact, sampled, time in cases))
    assert "2 graphs of different contents are called ring: [aaaaaaaa] and [bbbbbbbb] tell them apart" in page
    assert set(re.findall(r"<h3>(ring.*?)</h3>", page)) == {"ring [aaaaaaaa]", "ring [bbbbbbbb]"}
    columns = {column["name"]: column for column in data_of(page)["columns"]}
    assert columns["graph"]["texts"] == ["ring [aaaaaaaa]", "ring [bbbbbbbb]"]


def test_a_round_that_was_cut_short_says_so(tmp_path):
    results = write_results(tmp_path / "run.jsonl", [[ok(case("mkl"), 4), ok(case("rows_numba"), 4)]])
    results.write_text("".join(results.read_text().splitlines(keepends=True)[:-1]))
    write([results], tmp_path / "page.html")
    assert "run.jsonl: round 1 stopped after 1 of 2 cases;" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_the_environment_is_on_the_page(page):
    assert '<th scope="row">versions.torch</th><td>2.13.0</td>' in page


def test_names_from_a_file_cannot_break_out(tmp_path):
    records = [ok(case(kernel, budget, name), 4) for name in HOSTILE for kernel, budget in (("mkl", None), (f"topk({name})", 0.1))]
    records += [bad(case(name), "failed", name) for name in HOSTILE]
    page = page_of(tmp_path, records, environment=ENVIRONMENT | {name: name for name in HOSTILE})
    plain = page_of(tmp_path / "plain", [ok(case("mkl"), 4), ok(case("topk(mkl)", 0.1), 4)])
    scripts = [tag for tag, _ in Tags(page).found if tag in {"script", "img"}]
    assert scripts == [tag for tag, _ in Tags(plain).found if tag in {"script", "img"}]
    assert "onerror=alert(2)>" not in page
    graph = next(column for column in data_of(page)["columns"] if column["name"] == "graph")
    assert {*graph["texts"]} == {*HOSTILE}


def test_names_are_safe_in_plotly_and_whole_in_the_choices(tmp_path):
    drawing = data_of(page_of(tmp_path, [ok(case("mkl", graph=HOSTILE[0]), 4), ok(case("topk(<b>)", 0.1, HOSTILE[0]), 2)]))[
        "figures"
    ]
    figure = drawing["error_speedup"]
    assert figure["fixed"]["graph"] == HOSTILE[0]
    assert figure["styles"][0]["name"] == "topk(&lt;b&gt;)"


def test_a_budget_of_zero_in_a_file_does_not_stop_the_page(tmp_path):
    page = page_of(tmp_path, [ok(case("mkl"), 4), ok(case("topk(mkl)", 0.0), 2), ok(case("topk(mkl)", 0.5), 2)])
    assert "speedup_budget" in data_of(page)["figures"]


def test_several_files_stand_beside_each_other(tmp_path):
    paths = [
        write_results(
            tmp_path / f"{name}.jsonl", [[ok(case("mkl"), 4), ok(case("topk(mkl)", 0.1), 2)]], {"cpu": {"model": f"CPU {name}"}}
        )
        for name in ("one", "two")
    ]
    write(paths, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    found = {column["name"]: column for column in data_of(text)["columns"]}
    assert found["file"]["texts"] == ["one.jsonl", "two.jsonl"]
    assert found["machine"]["texts"] == ["CPU one", "CPU two"]
    assert len(found["latency"]["values"]) == 4


@pytest.mark.parametrize("content", [None, b"", b"hello\n", b'{"run":{"schema":99,"environment":{}}}\n'])
def test_a_bad_file_is_one_clear_line_and_leaves_the_old_page_as_it_was(tmp_path, content):
    results, output = tmp_path / "run.jsonl", tmp_path / "page.html"
    output.write_text("old")
    if content is not None:
        results.write_bytes(content)
    with pytest.raises(ResultsError, match=r"run\.jsonl: [^\n]+$"):
        write([results], output)
    assert output.read_text() == "old"


def test_results_are_never_overwritten_by_their_page(tmp_path):
    results = write_results(tmp_path / "run.jsonl", [[ok(case("mkl"), 4)]])
    before = results.read_bytes()
    with pytest.raises(ResultsError, match=r"run\.jsonl: the page would overwrite the results"):
        write([results], tmp_path / "here" / ".." / "run.jsonl")
    assert results.read_bytes() == before


def test_no_file_at_all_is_refused(tmp_path):
    with pytest.raises(ResultsError, match="at least one results file"):
        write([], tmp_path / "page.html")


def test_an_output_that_cannot_be_written_is_one_clear_line_and_nothing_is_left_beside_it(tmp_path):
    results = write_results(tmp_path / "run.jsonl", [[ok(case("mkl"), 4)]])
    (tmp_path / "page.html").mkdir()
    with pytest.raises(
        ResultsError, match=r"page\.html: cannot be written \(it is a folder, not a file\): give another --output path$"
    ):
        write([results], tmp_path / "page.html")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.html", "run.jsonl"]


@pytest.mark.parametrize(("value", "text"), [(12.345, "12.3×"), (123.4, "123×"), (0.5, "0.500×"), (1234.5, "1,234×"), (None, "–")])
def test_speedups_are_printed_with_three_digits(value, text):
    assert times(value) == text
