"""Computes the package list: the repository root is the package `segport`, so setuptools cannot find it by itself."""

from setuptools import find_packages, setup

NOT_SHIPPED = ["tests*", "benchmarks*", "examples*", "docs*", "build*"]
inside = find_packages(where=".", exclude=NOT_SHIPPED)

setup(
    script_name="setup.py",  # lies in the package's folder, and is left out of the wheel by this name
    packages=["segport", *(f"segport.{name}" for name in inside)],
    package_data={"segport": ["py.typed"]},
)
