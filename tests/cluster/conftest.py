from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def nodes() -> Iterator[Any]:
    """Three nodes on this machine."""
    from made_cluster import Nodes

    made = Nodes()
    yield made
    made.close()


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """The study that is measured on them."""
    from made_cluster import STUDY

    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    return path
