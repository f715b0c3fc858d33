"""Twilio Programmable Voice: calls with their legs and recordings, and what queues know of a call.

The REST API (2010-04-01) lists calls and recordings newest first and filters by the day on which they began, not by the
time of change. Each load therefore asks again for a look-back, a day unless set otherwise, in which calls that were
going on have ended. How long a caller waited is not in the call: `<Enqueue>` tells it to its action URL, TaskRouter in
its events.

API: https://www.twilio.com/docs/voice/api
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from pydantic import Field, model_validator

from sources.rest.auth import Basic
from sources.vendor import ApiSettings, Cursor, Vendor, VendorObject

if TYPE_CHECKING:
    from sources.rest.client import RestClient

Page = Sequence[Mapping[str, Any]]

_DOCS: Final = "https://www.twilio.com/docs/voice/api"
_ADDRESS: Final = "https://api.twilio.com"
_TASK_ROUTER: Final = "https://taskrouter.twilio.com"
_PAGE: Final = 1000  # the most that Twilio gives
_A_DAY: Final = 24 * 60  # Twilio ends a call after a day at the latest

TASK_EVENTS: Final = ("reservation.accepted", "task.canceled")
"""TaskRouter's events that end a wait: an agent took the call, or the caller hung up."""


class TwilioApi(ApiSettings):
    """The `api` section of a Twilio source.

    Attributes:
        account_sid: the account, AC and 32 characters.
        auth_token: the account's token; or
        api_key_sid: an API key, SK and 32 characters, and
        api_key_secret: its secret.
        workspace_sid: the workspace (WS...) of TaskRouter; without one its events are not asked for.
        look_back_minutes: a day, because a call is listed by its start and changes until it ends.
    """

    secrets: ClassVar[tuple[str, ...]] = ("auth_token", "api_key_secret")

    account_sid: str = Field(pattern=r"^AC[0-9a-zA-Z]{32}$")
    auth_token: str | None = Field(default=None, min_length=1)
    api_key_sid: str | None = Field(default=None, pattern=r"^SK[0-9a-zA-Z]{32}$")
    api_key_secret: str | None = Field(default=None, min_length=1)
    workspace_sid: str | None = Field(default=None, pattern=r"^WS[0-9a-zA-Z]{32}$")
    look_back_minutes: int = Field(default=_A_DAY, ge=0)

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if (self.api_key_sid is None) != (self.api_key_secret is None):
            raise ValueError("an API key is two settings: api_key_sid and api_key_secret")
        if (self.auth_token is None) == (self.api_key_sid is None):
            raise ValueError("give auth_token, or api_key_sid with api_key_secret, and not both")
        return self

    def client(self) -> RestClient:
        """Return a client for the account."""
        return self._client(_ADDRESS)

    def task_router(self, main: RestClient) -> RestClient:
        """Return a client for TaskRouter, which has another address; it stops when the main one stops."""
        made = self._client(_TASK_ROUTER)
        made.stop = main.stop
        return made

    def _client(self, address: str) -> RestClient:
        from sources.rest.client import RestClient

        user, password = self.api_key_sid or self.account_sid, self.api_key_secret or self.auth_token or ""
        return RestClient.of(self, address, auth=Basic(user, password))


def _begin(settings: TwilioApi, since: datetime | None) -> datetime | None:
    if since is None and settings.start is not None:
        return datetime.combine(settings.start, time(), UTC)
    return since


def _listed(client: RestClient, settings: TwilioApi, resource: str, params: Mapping[str, str]) -> Iterator[Page]:
    """Yield the pages of a list resource of the account, newest record first."""
    from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator

    return client.paginate(
        f"/2010-04-01/Accounts/{settings.account_sid}/{resource}.json",
        params={"PageSize": _PAGE, **params},
        data_selector=resource.lower(),
        paginator=JSONLinkPaginator(next_url_path="next_page_uri"),
    )


def _calls(client: RestClient, settings: TwilioApi, since: datetime | None) -> Iterator[Page]:
    begin = _begin(settings, since)
    # The name of the filter ends in the sign: StartTime>=2026-01-31. It takes days of UTC.
    return _listed(client, settings, "Calls", {} if begin is None else {"StartTime>": begin.date().isoformat()})


def _recordings(client: RestClient, settings: TwilioApi, since: datetime | None) -> Iterator[Page]:
    begin = _begin(settings, since)
    return _listed(client, settings, "Recordings", {} if begin is None else {"DateCreated>": begin.date().isoformat()})


def _task_events(client: RestClient, settings: TwilioApi, since: datetime | None) -> Iterator[Page]:
    """Yield the events that end a wait; Twilio keeps events for 30 days."""
    from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator

    if settings.workspace_sid is None:
        return
    begin = _begin(settings, since)
    asked = {} if begin is None else {"StartDate": begin.strftime("%Y-%m-%dT%H:%M:%SZ")}
    task_router = settings.task_router(client)
    try:
        for event in TASK_EVENTS:
            yield from task_router.paginate(
                f"/v1/Workspaces/{settings.workspace_sid}/Events",
                params={"PageSize": _PAGE, "EventType": event, **asked},
                data_selector="events",
                paginator=JSONLinkPaginator(next_url_path="meta.next_page_url"),
            )
    finally:
        task_router.close()


_CALLBACK_FIELDS: Final = (
    "CallSid", "AccountSid", "From", "To", "CallStatus", "ApiVersion", "Direction", "ForwardedFrom", "CallerName",
    "ParentCallSid",
)  # fmt: skip

VENDOR = Vendor(
    name="twilio",
    label="Twilio",
    channel="call_centre",
    docs=_DOCS,
    api=TwilioApi,
    files_note=(
        "Twilio sends callbacks as forms. Write the parameters of each request as one JSON object on its own line, "
        "names as sent (CallSid, CallStatus ...): status callbacks into status_callbacks, requests to the action URL "
        "of <Enqueue> into queue_callbacks. Exports of the API's records go into calls, recordings and task_events."
    ),
    objects=(
        VendorObject(
            name="calls",
            says="Calls and their legs (a leg names the call it belongs to).",
            docs="https://www.twilio.com/docs/voice/api/call-resource",
            fields=(
                "sid", "parent_call_sid", "account_sid", "from", "from_formatted", "to", "to_formatted", "direction",
                "status", "date_created", "date_updated", "start_time", "end_time", "duration", "queue_time",
                "answered_by", "caller_name", "forwarded_from", "phone_number_sid", "group_sid", "trunk_sid", "price",
                "price_unit", "api_version", "uri", "subresource_uris",
            ),
            entities=("calls",),
            records=("calls",),
            pages=_calls,
            cursor=Cursor("start_time", ascending=False),
        ),
        VendorObject(
            name="recordings",
            says="What was recorded, with its length.",
            docs="https://www.twilio.com/docs/voice/api/recording",
            fields=(
                "sid", "call_sid", "conference_sid", "account_sid", "date_created", "date_updated", "start_time",
                "duration", "channels", "source", "status", "track", "error_code", "price", "price_unit",
                "encryption_details", "media_url", "api_version", "uri", "subresource_uris",
            ),
            entities=("calls",),
            records=("recordings",),
            pages=_recordings,
            cursor=Cursor("date_created", ascending=False),
        ),
        VendorObject(
            name="task_events",
            says="Events of TaskRouter that end a wait: queue, agent, seconds.",
            docs="https://www.twilio.com/docs/taskrouter/api/event",
            fields=(
                "sid", "account_sid", "workspace_sid", "event_type", "event_date", "event_date_ms", "description",
                "event_data", "resource_type", "resource_sid", "resource_url", "actor_type", "actor_sid", "actor_url",
                "source", "source_ip_address", "url",
            ),
            entities=("calls",),
            records=("events",),
            pages=_task_events,
            cursor=Cursor("event_date", ascending=False),
        ),
        VendorObject(
            name="status_callbacks",
            says="What Twilio tells a status callback URL while a call goes on.",
            docs="https://www.twilio.com/docs/voice/api/call-resource#statuscallback",
            fields=(
                *_CALLBACK_FIELDS, "CallDuration", "Duration", "Timestamp", "CallbackSource", "SequenceNumber",
                "AnsweredBy", "RecordingUrl", "RecordingSid", "RecordingDuration",
            ),
            entities=("calls",),
        ),
        VendorObject(
            name="queue_callbacks",
            says="What <Enqueue> tells its action URL when a call leaves a queue.",
            docs="https://www.twilio.com/docs/voice/twiml/enqueue",
            fields=(*_CALLBACK_FIELDS, "QueueResult", "QueueSid", "QueueTime"),
            entities=("calls",),
        ),
    ),
)  # fmt: skip
