"""The kernels of emulated guests have exactly the methods of the helper's own, with the same parameters."""

import inspect

import pytest

from diskguard_emulator.guests.inside.file_kernel import Kernel as FileKernel
from diskguard_emulator.guests.virtual_kernel import VirtualKernel
from diskguard_helper.kernel import Kernel


def doors(kernel: type) -> dict[str, list[tuple[str, object]]]:
    """Public methods with the names and kinds of their parameters."""
    methods = inspect.getmembers(kernel, inspect.isfunction)
    return {
        name: [(each.name, each.kind) for each in inspect.signature(method).parameters.values()]
        for name, method in methods
        if not name.startswith("_")
    }


@pytest.mark.parametrize("kernel", [VirtualKernel, FileKernel])
def test_an_emulated_kernel_has_the_doors_of_the_real_one(kernel):
    assert doors(kernel) == doors(Kernel)


def test_all_kernels_keep_their_files_in_one_place():
    assert VirtualKernel.run == FileKernel.run == Kernel.run
