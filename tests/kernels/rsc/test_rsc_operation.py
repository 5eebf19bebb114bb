import gc

import pytest
import torch
from made_graphs import propagation, random_graph, regime

from rsc_bench.kernels.exact import mkl, torch_reduce
from rsc_bench.kernels.rsc.operation import _dense_gradient, _propagate, _value_gradient, propagate
from rsc_bench.kernels.rsc.propagation import edge_gradient

DOUBLE = torch.float64


def made(budget=1.0, reduce="sum", **options):
    return propagation(random_graph(8, dtype=DOUBLE), 3, regime(budget, **options), reduce)


def operands(over, seed=1):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(8, 3, dtype=DOUBLE, generator=generator, requires_grad=True)
    return x, over.adjacency.pattern.value.clone().requires_grad_()


@pytest.mark.parametrize("kernel", [mkl.KERNEL, torch_reduce.KERNEL], ids=lambda kernel: kernel.name)
@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_gradients_of_the_whole_budget_hold_numerically(reduce, kernel):
    over = made(reduce=reduce, kernel=kernel)
    x, value = operands(over)
    assert torch.autograd.gradcheck(lambda x: propagate(over, x), (x,))
    assert torch.autograd.gradcheck(lambda x, value: propagate(over, x, value), (x, value))


def test_the_gradient_of_edge_values_is_exact_under_any_budget():
    over = made(budget=0.1)
    x, value = operands(over)
    assert torch.autograd.gradcheck(lambda value: propagate(over, x.detach(), value), (value,))


def test_the_gradient_of_edge_values_does_not_depend_on_the_chunk():
    over = made()
    gradient, dense = torch.randn(8, 3, dtype=DOUBLE), torch.randn(8, 3, dtype=DOUBLE)
    whole = over.value_gradient(gradient, dense)
    two_at_a_time = edge_gradient(over.adjacency.pattern, gradient, dense, chunk_elements=6)
    assert torch.equal(two_at_a_time, whole)
    full = (gradient @ dense.T)[random_graph(8, dtype=DOUBLE) != 0]
    torch.testing.assert_close(whole, full)


def test_a_sampled_product_uses_the_edge_values_it_is_given():
    over = made(budget=0.4)
    x, value = operands(over)
    scaled = propagation(random_graph(8, dtype=DOUBLE) * 2, 3, regime(0.4))
    found = torch.autograd.grad(propagate(over, x, value.detach() * 2).square().sum(), x)[0]
    assert torch.equal(found, torch.autograd.grad(propagate(scaled, x).square().sum(), x)[0])


@pytest.mark.parametrize("sampled", [True, False])
@pytest.mark.parametrize("with_value", [True, False])
def test_torch_accepts_the_operator(with_value, sampled):
    over = made()
    x, value = operands(over)
    torch.library.opcheck(_propagate, (x, value if with_value else None, over.handle, sampled))


def test_torch_accepts_the_gradients_operators():
    over = made()
    x, value = (operand.detach() for operand in operands(over))
    torch.library.opcheck(_dense_gradient, (x, value, over.handle, True))
    torch.library.opcheck(_value_gradient, (x, x, over.handle))


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_it_compiles_into_one_graph_with_the_same_gradients(backend):
    over = made(budget=0.5)
    x, value = operands(over)

    def loss(x, value):
        return propagate(over, x, value).relu().square().sum() + propagate(over, x).sum()

    compiled = torch.compile(loss, fullgraph=True, backend=backend)
    found, expected = torch.autograd.grad(compiled(x, value), (x, value)), torch.autograd.grad(loss(x, value), (x, value))
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


def test_two_propagations_do_not_mix():
    one, other = made(), propagation(random_graph(8, seed=5, dtype=DOUBLE), 3, regime())
    x, _ = operands(one)
    torch.testing.assert_close(propagate(one, x), random_graph(8, dtype=DOUBLE) @ x)
    torch.testing.assert_close(propagate(other, x), random_graph(8, seed=5, dtype=DOUBLE) @ x)


def test_the_graph_keeps_a_propagation_until_backward_has_run():
    over = made()
    x, _ = operands(over)
    handle = over.handle
    product = propagate(over, x)
    del over
    gc.collect()
    product.sum().backward()
    assert x.grad is not None
    del product
    gc.collect()
    with pytest.raises(RuntimeError, match=f"propagation {handle} is gone"):
        _propagate(x, None, handle, True)


def test_edge_values_of_another_number_are_refused():
    over = made()
    with pytest.raises(ValueError, match=r"edge values must have shape \(\d+,\), one a non-zero \(got \(3,\)\)"):
        propagate(over, operands(over)[0], torch.ones(3, dtype=DOUBLE))


def test_an_adjacency_that_let_its_source_go_takes_no_edge_values():
    over = made()
    with pytest.raises(ValueError, match="graph: edge values must stay what they are"):
        over.adjacency.fixed().with_values(torch.ones(3))
