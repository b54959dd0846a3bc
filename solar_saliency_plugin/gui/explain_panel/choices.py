"""What the user chose in the panel."""

from dataclasses import asdict, dataclass
from typing import Any, Dict

from ...contract.options import option_of
from ...contract.region_shap import RegionShapRequest


@dataclass(frozen=True)
class Choices:
    """What the user chose: values of options of the method ``regionshap``."""

    estimator: str = option_of(RegionShapRequest, "estimator").default
    baseline: str = option_of(RegionShapRequest, "baseline").default
    superpixels: int = option_of(RegionShapRequest, "superpixels").default

    def values(self) -> Dict[str, Any]:
        """As values of options."""
        return asdict(self)
