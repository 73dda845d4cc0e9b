"""The extensions, the compiler directives, and the files that stand outside of the package.

Everything else is in pyproject.toml.
"""

import os
import runpy
import shutil
import subprocess
import sys
from glob import glob

from Cython.Build import cythonize
from setuptools import Extension, find_namespace_packages, setup
from setuptools.command.sdist import sdist

if refusal := runpy.run_path("fastbench/foundation/platforms.py")["refusal"](sys.platform):
    sys.exit(f"fastbench: {refusal}")

DEBUG = os.environ.get("FASTBENCH_DEBUG") == "1"
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
OPTIMISE = ["-O1", "-g", *SANITIZE] if DEBUG else ["-O3", "-g0"]
BUILD_DIR = "build/debug" if DEBUG else "build/release"
KINDS = ("*.pxd", "*/*.pyx", "*/*.pxd", "*/*.pxi", "*/*.h")
JAVASCRIPT = "javascript/_quickjs"
SOURCES = [
    path
    for kind in KINDS
    for path in glob(f"fastbench/engine/{kind}")
    if "/javascript/" not in path
]
NAMES = ("bridge/_core", "client/_client")
FETCHED = "build/quickjs"
IN_SDIST = "third_party/quickjs"  # setuptools keeps `build` out of an sdist
QUICKJS = IN_SDIST if os.path.exists(IN_SDIST) else FETCHED
SUCRASE = "fastbench/script/k6/js/sucrase/sucrase.js"
OURS = "fastbench/engine/javascript/users"

for each in ("quickjs", "sucrase") if QUICKJS == FETCHED else ():  # an sdist has both
    subprocess.run([sys.executable, f".ci/fetch_{each}.py"], check=False)

extensions = [
    Extension(
        f"fastbench.engine.{name.replace('/', '.')}",
        [f"fastbench/engine/{name}.pyx"],
        depends=SOURCES,
        include_dirs=["fastbench/engine/http2"],
        libraries=["ssl", "crypto"],
        # Cython's own loops compare signed with unsigned; the sources do not.
        extra_compile_args=[*OPTIMISE, "-Wno-sign-compare"],
        extra_link_args=SANITIZE if DEBUG else [],
    )
    for name in NAMES
]

if os.path.exists(f"{QUICKJS}/quickjs.c"):  # else it is left out, and `run x.js` says so
    extensions.append(
        Extension(
            f"fastbench.engine.{JAVASCRIPT.replace('/', '.')}",
            [
                f"fastbench/engine/{JAVASCRIPT}.pyx",
                f"{OURS}.c",  # compiles quickjs.c with it
                *(f"{QUICKJS}/{name}.c" for name in ("dtoa", "libregexp", "libunicode")),
            ],
            depends=[*glob("fastbench/engine/javascript/*.[chp]*"), f"{QUICKJS}/quickjs.c"],
            include_dirs=[QUICKJS, "fastbench/engine/javascript"],
            define_macros=[("_GNU_SOURCE", None)],
            # Nobody replaces a function of this extension: its own calls are direct, or inlined.
            extra_compile_args=[*OPTIMISE, "-fwrapv", "-w", "-fno-semantic-interposition"],
            extra_link_args=SANITIZE if DEBUG else [],
        )
    )


def stale(extension: Extension) -> bool:
    """Compare the generated C with every source: Cython's own scan misses some cimports."""
    generated = f"{BUILD_DIR}/{extension.sources[0].removesuffix('.pyx')}.c"
    if not os.path.exists(generated):
        return True
    return max(map(os.path.getmtime, extension.depends)) > os.path.getmtime(generated)


class Sdist(sdist):
    """Put what is fetched into the sdist: who builds it needs no network for it."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        """Fill the folder that is packed."""
        for each in (f"{QUICKJS}/quickjs.c", SUCRASE):
            if not os.path.exists(each):
                sys.exit(f"an sdist holds {each}, which could not be fetched")
        super().make_release_tree(base_dir, files)
        shutil.copytree(QUICKJS, f"{base_dir}/{IN_SDIST}")


setup(
    packages=[*find_namespace_packages(include=["fastbench*"]), "fastbench.examples"],
    package_dir={"fastbench.examples": "examples"},
    cmdclass={"sdist": Sdist},
    ext_modules=[
        built
        for extension in extensions
        for built in cythonize(
            [extension],
            build_dir=BUILD_DIR,
            force=stale(extension),
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
    ],
)
