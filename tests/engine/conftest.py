"""Where tests find real Sentinel-2 imagery."""

import os
from pathlib import Path

import pytest

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
