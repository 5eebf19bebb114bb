"""One graph convolution: a model to be added."""

from rsc_bench.suites.training.models import Model


def build(shape, recipe):
    from torch_geometric.nn import GCNConv

    return GCNConv(shape.features, shape.classes)


MODEL = Model("Mine", "One graph convolution.", build, layers=1, reduce="sum")
