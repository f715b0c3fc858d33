"""Identity: which source records belong to one customer, with ids that stay the same from run to run."""

from models.identity.resolve import resolve
from models.identity.result import IdentityReport, IdentityResult

__all__ = ["IdentityReport", "IdentityResult", "resolve"]
