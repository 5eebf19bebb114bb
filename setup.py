"""Lays the folders of the checkout out as one package: ``kernels/`` becomes ``rsc_bench.kernels``, and so on."""

from setuptools import find_packages, setup

ROOMS = ("kernels", "harness", "suites", "reports")

setup(
    packages=[
        *find_packages(include=["rsc_bench", "rsc_bench.*"]),
        *(f"rsc_bench.{name}" for room in ROOMS for name in find_packages(include=[room, f"{room}.*"])),
    ],
    package_dir={f"rsc_bench.{room}": room for room in ROOMS},
    package_data={
        "rsc_bench": ["py.typed", "starters/*.txt"],
        "rsc_bench.reports.page": ["*.css", "*.js", "*.jinja"],
        "rsc_bench.suites.training": ["*.toml"],
        "rsc_bench.suites": ["bench.ini"],
    },
)
