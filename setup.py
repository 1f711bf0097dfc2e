"""The extension modules; everything else is in pyproject.toml."""

import os
from glob import glob

from Cython.Build import cythonize
from setuptools import Extension, setup

DEBUG = os.environ.get("TABTRAIN_DEBUG_KERNELS") == "1"

extensions = [
    Extension(
        "tabtrain._kernels.*",
        ["tabtrain/_kernels/*.pyx"],
        depends=glob("tabtrain/_kernels/*.h"),
        # GNU C for the vector types; no -march=native and no -ffast-math, so that the
        # binary runs on, and rounds alike on, every processor of its kind.
        extra_compile_args=[
            "-O1" if DEBUG else "-O3",
            "-std=gnu11",
            # Nobody asks what a root was taken of, so roots are taken four at a time.
            "-fno-math-errno",
            "-Wno-psabi",
            "-Wno-unused-function",
        ],
    )
]

setup(
    ext_modules=cythonize(
        extensions,
        force=True,
        compiler_directives={
            "language_level": "3",
            "boundscheck": DEBUG,
            "wraparound": False,
            "initializedcheck": DEBUG,
            "cdivision": True,
        },
    )
)
