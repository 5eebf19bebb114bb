from collections.abc import Iterator

import pytest
from own_plugins import plugins_as_they_were


@pytest.fixture(autouse=True)
def own_plugins() -> Iterator[None]:
    """What a study loads is for its test alone."""
    with plugins_as_they_were():
        yield
