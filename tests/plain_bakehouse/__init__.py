"""A company of plain files for tests: five sources in shapes of their own, with the truth about every record."""

from tests.plain_bakehouse.generator import SampleReport, generate

__all__ = ["SampleReport", "generate"]
