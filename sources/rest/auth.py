"""How a client proves who it is. Values never show in a repr; dlt's classes do the work, see `session`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Bearer:
    """`Authorization: Bearer <token>`."""

    token: str = field(repr=False)


@dataclass(frozen=True)
class Basic:
    """User and password, or whatever a vendor puts in their places."""

    user: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True)
class ApiKey:
    """A key in a header or in the query."""

    name: str
    value: str = field(repr=False)
    where: Literal["header", "query"] = "header"


@dataclass(frozen=True)
class ClientCredentials:
    """OAuth 2.0 client credentials (RFC 6749, section 4.4): a short-lived token, fetched when it is needed."""

    token_url: str
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    data: Mapping[str, str] = field(default_factory=dict, repr=False)


Auth = Bearer | Basic | ApiKey | ClientCredentials


def secrets_of(auth: Auth | None) -> tuple[str, ...]:
    """Return the values that no message may hold."""
    if isinstance(auth, Bearer):
        return (auth.token,)
    if isinstance(auth, Basic):
        return (auth.password,)
    if isinstance(auth, ApiKey):
        return (auth.value,)
    if isinstance(auth, ClientCredentials):
        return (auth.client_secret, *auth.data.values())
    return ()
