"""fastbench: a benchmarker for HTTP services."""

__version__ = "0.1.0"
