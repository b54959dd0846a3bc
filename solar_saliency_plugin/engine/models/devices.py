"""What the network could run on, on this machine."""

from typing import Any


def devices() -> dict[str, Any]:
    """``{"devices": […], "threads": n}``; a device has a name, kind, memory in bytes, and why it is unusable."""
    import psutil
    import torch

    found = [_device("Processor", "cpu", psutil.virtual_memory().total, "")]
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(index)
            found.append(_device(properties.name, "cuda", properties.total_memory, ""))
    else:
        reason = (
            "This PyTorch was built without CUDA."
            if torch.version.cuda is None
            else "No CUDA driver or card was found."
        )
        found.append(_device("Graphics card", "cuda", 0, reason))
    return {"devices": found, "threads": torch.get_num_threads()}


def _device(name: str, kind: str, memory: int, reason: str) -> dict[str, Any]:
    return {"name": name, "kind": kind, "memory_bytes": memory, "usable": not reason, "reason": reason}
