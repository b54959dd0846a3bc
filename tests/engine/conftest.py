"""Where tests find real Sentinel-2 imagery."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from solar_saliency_plugin.contract.places import MODELS_VARIABLE

SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real imagery beside the repository; without it the test skips, or fails where it must be there."""
    if not SHARED_DATA.is_dir():
        message = f"there is no real imagery at {SHARED_DATA}"
        if os.environ.get("SOLAR_SALIENCY_REQUIRE_DATA"):
            pytest.fail(message)
        pytest.skip(message)
    return SHARED_DATA


@pytest.fixture(scope="session", autouse=True)
def no_models_of_the_users_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests see the shipped models only, and install none for the person who runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MODELS_VARIABLE, str(tmp_path_factory.mktemp("models")))
        yield
