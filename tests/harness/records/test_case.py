from made_runs import case


def test_equal_cases_are_one_key():
    assert {case(width=8): 1, case(width=8): 2} == {case(width=8): 2}
    assert case(dtype="float32") != case(dtype="bfloat16")
    assert case(clock="host") != case(clock="cuda_cold")


def test_a_case_reads_as_one_line_with_all_in_which_cases_differ():
    sampled = case("topk(mkl)", budget=0.1, reduce="mean")
    assert str(sampled) == "exact twin:flickr d=8 float32 cpu host topk(mkl) C=0.1 mean"
    assert str(case("mkl", model="gcn", layers=3, seed=0)).endswith("mkl model=gcn layers=3 seed=0")


def test_the_order_of_the_nodes_stands_with_the_graph_and_makes_another_case():
    assert case(reorder="degree") != case()
    assert str(case(reorder="degree")).startswith("exact twin:flickr (degree) d=8 ")


def test_what_is_measured_in_kept_memory_is_another_case_and_says_so():
    assert case(freed_memory="kept") != case()
    assert str(case("topk(mkl)", budget=0.1, freed_memory="kept")).endswith("host topk(mkl) C=0.1 freed_memory=kept")
    assert str(case("mkl", model="gcn", seed=0, freed_memory="kept")).endswith("mkl model=gcn seed=0 freed_memory=kept")


def test_what_a_kernel_computes_in_makes_another_case_and_says_so():
    assert case(precision="tf32") != case()
    assert str(case("mine", precision="tf32")).endswith("host mine precision=tf32")


def test_an_approximation_without_a_budget_is_not_exact():
    assert case().is_exact
    assert not case("mine", suite="sampled").is_exact
    assert not case("topk(mkl)", budget=0.1).is_exact
    assert not case(model="gcn", variant="random-edges").is_exact
