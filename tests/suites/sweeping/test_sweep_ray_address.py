"""Which cluster `--ray` means: the one of an address, or one of its own that ends with the command."""

import pytest

from rsc_bench.suites.sweeping.kinds import ClusterError
from rsc_bench.suites.sweeping.machines.ray_cluster import Cluster


class Ray:
    """Stands for Ray where it is connected to."""

    def __init__(self, error=None):
        self.error, self.given = error, None

    def init(self, **given):
        self.given = given
        if self.error is not None:
            raise self.error


def connected(ray, address):
    cluster = Cluster.__new__(Cluster)
    cluster._ray = ray
    cluster._connect(address)
    return ray.given


def test_local_is_a_cluster_of_its_own_also_where_another_one_runs():
    """Ray's `init` without an address joins the last cluster that was begun on the machine."""
    given = connected(Ray(), "local")
    assert given["address"] == "local"
    assert given["include_dashboard"] is False


def test_an_address_is_that_of_a_cluster_that_runs():
    given = connected(Ray(), "192.0.2.1:6379")
    assert given["address"] == "192.0.2.1:6379"
    assert "include_dashboard" not in given


@pytest.mark.parametrize("error", [ConnectionError("nobody\nthere"), RuntimeError("nobody"), ValueError("nobody")])
def test_where_no_cluster_answers_is_one_line_with_the_remedy(error):
    with pytest.raises(
        ClusterError, match=r"\A--ray x:1: no cluster answers there \(nobody\): `ray start --head` begins a cluster, .*"
    ):
        connected(Ray(error), "x:1")
