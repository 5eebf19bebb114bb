import pytest

pytest.importorskip("ray", reason='a cluster needs Ray: pip install "rsc-bench[cluster]"')
from made_cluster import STUDY, Nodes


@pytest.fixture
def nodes():
    made = Nodes()
    yield made
    made.close()


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    return path
