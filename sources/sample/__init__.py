"""The demo company: a made-up bakery chain's exports, generated from a seed, with the truth about them."""

from sources.sample.generator import SampleReport, generate

__all__ = ["SampleReport", "generate"]
