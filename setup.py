"""The one extension and the compiler directives; everything else is in pyproject.toml."""

import os

from Cython.Build import cythonize
from setuptools import Extension, setup

DEBUG = os.environ.get("FASTBENCH_DEBUG") == "1"
SANITIZE = ["-fsanitize=address,undefined", "-fno-omit-frame-pointer"]

core = Extension(
    "fastbench._core",
    ["fastbench/_core.pyx"],
    libraries=["ssl", "crypto"],
    extra_compile_args=["-O1", "-g", *SANITIZE] if DEBUG else ["-O3", "-g0"],
    extra_link_args=SANITIZE if DEBUG else [],
)

setup(
    ext_modules=cythonize(
        core,
        build_dir="build/debug" if DEBUG else "build/release",
        compiler_directives={
            "language_level": 3,
            "boundscheck": DEBUG,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": DEBUG,
            "freethreading_compatible": False,
        },
    )
)
