"""The one extension and the compiler directives; everything else is in pyproject.toml."""

import os
from glob import glob

from Cython.Build import cythonize
from setuptools import Extension, setup

DEBUG = os.environ.get("FASTBENCH_DEBUG") == "1"
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
OPTIMISE = ["-O1", "-g", *SANITIZE] if DEBUG else ["-O3", "-g0"]
BUILD_DIR = "build/debug" if DEBUG else "build/release"
SOURCES = ["setup.py", *glob("fastbench/_*.p[xy][ix]"), *glob("fastbench/engine/*.pxd")]

core = Extension(
    "fastbench._core",
    ["fastbench/_core.pyx"],
    depends=SOURCES,
    libraries=["ssl", "crypto"],
    # Cython's own loops compare signed with unsigned; the sources do not.
    extra_compile_args=[*OPTIMISE, "-Wno-sign-compare"],
    extra_link_args=SANITIZE if DEBUG else [],
)


def stale() -> bool:
    """Compare the generated C with every source: Cython's own scan misses some cimports."""
    generated = f"{BUILD_DIR}/fastbench/_core.c"
    if not os.path.exists(generated):
        return True
    return max(map(os.path.getmtime, SOURCES)) > os.path.getmtime(generated)


setup(
    ext_modules=cythonize(
        core,
        build_dir=BUILD_DIR,
        force=stale(),
        quiet=True,
        compiler_directives={
            "language_level": 3,
            "boundscheck": DEBUG,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": DEBUG,
            "auto_pickle": False,
            "freethreading_compatible": False,
        },
    )
)
