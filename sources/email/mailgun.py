"""Mailgun: events of a domain, from webhooks (wrapped in `event-data`) or from the events API; both have one shape.

Shapes: https://documentation.mailgun.com/docs/mailgun/user-manual/events/event-structure
API: https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/events
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from pydantic import Field

from sources.rest.auth import Basic
from sources.vendor import ApiSettings, Cursor, Vendor, VendorObject

if TYPE_CHECKING:
    from sources.rest.client import RestClient

_DOCS: Final = "https://documentation.mailgun.com/docs/mailgun/user-manual/events/event-structure"
_ADDRESSES: Final = {"us": "https://api.mailgun.net", "eu": "https://api.eu.mailgun.net"}
_PAGE: Final = 300  # the most that Mailgun gives

_ABOUT_MAILS: Final = (
    "accepted", "rejected", "delivered", "failed", "opened", "clicked", "unsubscribed", "complained",
)  # fmt: skip
"""Events of mails that were sent; a domain also has events about mails received and lists uploaded."""


class MailgunApi(ApiSettings):
    """The `api` section of a Mailgun source.

    Attributes:
        api_key: private key of the account, or a sending domain's.
        domains: sending domains.
        region: where the account is.
        history_days: without `start`, how far back the first load asks; Mailgun keeps 1 to 30 days, by plan.
    """

    secrets: ClassVar[tuple[str, ...]] = ("api_key",)

    api_key: str = Field(min_length=1)
    domains: list[str] = Field(min_length=1)
    region: Literal["us", "eu"] = "us"
    history_days: int = Field(default=30, ge=1)

    def client(self) -> RestClient:
        """Return a client for the account's region."""
        from sources.rest.client import RestClient

        return RestClient.of(self, _ADDRESSES[self.region], auth=Basic("api", self.api_key))


def _events(client: RestClient, settings: MailgunApi, since: datetime | None) -> Iterator[Sequence[Mapping[str, Any]]]:
    """Yield pages of events, oldest first, one domain after the other."""
    if since is None and settings.start is not None:
        since = datetime.combine(settings.start, time(), UTC)
    begin = since or datetime.now(UTC) - timedelta(days=settings.history_days)
    for domain in settings.domains:
        pages = client.paginate(
            f"/v3/{domain}/events",
            params={
                "begin": f"{begin.timestamp():.6f}",
                "ascending": "yes",
                "limit": _PAGE,
                "event": " OR ".join(_ABOUT_MAILS),
            },
            data_selector="items",
            paginator=_until_empty(),
        )
        yield from filter(None, pages)


def _until_empty() -> Any:
    """Return a paginator that follows `paging.next`, which stands in the last page, too, until a page is empty."""
    from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator

    class UntilEmpty(JSONLinkPaginator):  # type: ignore[misc] # untyped where dlt is not followed
        def update_state(self, response: Any, data: list[Any] | None = None) -> None:
            super().update_state(response, data)
            if not data:
                self._has_next_page = False

    return UntilEmpty(next_url_path="paging.next")


VENDOR: Final = Vendor(
    name="mailgun",
    label="Mailgun",
    channel="email",
    docs=_DOCS,
    objects=(
        VendorObject(
            name="events",
            says="What happened to one message to one recipient: accepted, delivered, failed, opened, clicked ...",
            docs=_DOCS,
            fields=(
                "id", "event", "timestamp", "recipient", "recipient-domain", "message", "severity", "reason",
                "delivery-status", "reject", "url", "ip", "client-info", "geolocation", "tags", "campaigns",
                "user-variables", "mailing-list", "envelope", "flags", "storage", "log-level", "method", "account",
                "domain", "template", "recipient-provider", "primary-dkim", "api-key-id", "originating-ip",
            ),
            entities=("email_events", "consents"),
            records=("event-data", "items"),
            pages=_events,
            # Several domains come one after the other, so the newest time of a page is not how far all of them are.
            cursor=Cursor("timestamp", ascending=False),
        ),
    ),
    api=MailgunApi,
    files_note=(
        "Write the body of each POST of the webhooks as one line into files in a folder, .jsonl or .jsonl.gz. Check "
        "its signature before you write it: it is not checked again."
    ),
)  # fmt: skip
"""Mailgun."""
