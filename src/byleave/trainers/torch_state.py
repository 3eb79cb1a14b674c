"""The whole state of a PyTorch learner as safetensors: weights, optimiser, random numbers.

A checkpoint of weights alone is none: momentum and the next random number decide the next step.
Equal states give equal bytes. PyTorch is imported when it is first needed (extra `torch`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import safetensors.numpy

from byleave.errors import EvidenceError, WorldError

if TYPE_CHECKING:
    import torch

__all__ = ["choose_device", "exactly", "pack", "unpack"]


def choose_device(asked: str | None = None) -> tuple[torch.device, str]:
    """Return the device to train on, and its name for the recipe.

    Another device gives other last bits: what a learner describes must name it.

    Args:
        asked: As PyTorch names it; None: the GPU where PyTorch finds one, else the CPU.

    Returns:
        The device; `cpu`, the name of the GPU's model, or another device's type.

    Raises:
        WorldError: `trainer.device`, the device that was asked for is not there.
    """
    torch = _torch()
    there = torch.cuda.is_available()
    device = torch.device(asked or ("cuda" if there else "cpu"))
    if device.type != "cuda":
        return device, device.type
    if not there or (device.index or 0) >= torch.cuda.device_count():
        raise WorldError(
            f"PyTorch finds no {asked}",
            code="trainer.device",
            hint="leave the device open, or look at the driver",
        )
    return device, str(torch.cuda.get_device_name(device))


def pack(weights: Mapping[str, torch.Tensor], optimizer: torch.optim.Optimizer) -> bytes:
    """Return weights, the optimiser's state, and PyTorch's random state, of CPU and GPU.

    Args:
        weights: Name → parameter, those that are trained; what is frozen is in the recipe.
        optimizer: Over those parameters, in that order.
    """
    torch = _torch()
    held = {f"weight.{name}": tensor for name, tensor in weights.items()}
    for number, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            held[f"optimizer.{number}.{name}"] = torch.as_tensor(value)
    held["random.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        held["random.cuda"] = torch.cuda.get_rng_state()
    plain = {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in held.items()}
    return safetensors.numpy.save(plain)


def unpack(
    state: bytes, weights: Mapping[str, torch.Tensor], optimizer: torch.optim.Optimizer
) -> None:
    """Put back what `pack` took: into these parameters, this optimiser, and the random state.

    Raises:
        EvidenceError: `trainer.state`, it is the state of another model.
    """
    torch = _torch()
    held = {
        name: torch.from_numpy(array.copy())
        for name, array in safetensors.numpy.load(state).items()
    }
    wanted = {f"weight.{name}" for name in weights}
    if {name for name in held if name.startswith("weight.")} != wanted:
        raise EvidenceError("the state is of another model", code="trainer.state")
    with torch.no_grad():
        for name, tensor in weights.items():
            tensor.copy_(held[f"weight.{name}"])
    slots: dict[int, dict[str, Any]] = {}
    for name, tensor in held.items():
        part, _, rest = name.partition(".")
        if part == "optimizer":
            number, _, what = rest.partition(".")
            slots.setdefault(int(number), {})[what] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": slots})
    torch.set_rng_state(held["random.cpu"])
    if "random.cuda" in held and torch.cuda.is_available():
        torch.cuda.set_rng_state(held["random.cuda"])


@contextmanager
def exactly(seed: int | None = None) -> Iterator[None]:
    """Run a block with one thread and deterministic kernels, and leave PyTorch as it was.

    Other numbers of threads sum in another order (pytorch/pytorch#88718). Random state is put
    back afterwards.

    Args:
        seed: Seeds PyTorch's random numbers; None: `unpack` sets them.
    """
    torch = _torch()
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng():
        try:
            torch.set_num_threads(1)
            torch.use_deterministic_algorithms(mode=True)
            if seed is not None:
                torch.manual_seed(seed)
            yield
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(mode=strict)


def _torch() -> Any:  # noqa: ANN401 (a module)
    try:
        import torch  # noqa: PLC0415 (an extra)
    except ImportError as error:
        raise WorldError(
            "this needs the package torch, which is not installed",
            code="cli.extra-missing",
            hint="pip install 'byleave[torch]'",
        ) from error
    return torch
