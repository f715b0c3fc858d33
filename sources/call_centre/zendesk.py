"""Zendesk Support and Talk: tickets with their ratings and times, the people who asked, and calls.

Tickets and users come from the cursor-based incremental exports, which begin with the oldest change; what changed
within the last minute is left for the next load. The metrics of a ticket are asked for with it, because there is no
list of changed metrics.

API: https://developer.zendesk.com/api-reference/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from pydantic import Field, model_validator

from sources.rest.auth import Basic, Bearer
from sources.vendor import ApiSettings, Cursor, Vendor, VendorObject

if TYPE_CHECKING:
    from sources.rest.client import RestClient

Page = Sequence[Mapping[str, Any]]

_DOCS: Final = "https://developer.zendesk.com/api-reference"
_EXPORT: Final = f"{_DOCS}/ticketing/ticket-management/incremental_exports/"
_PAGE: Final = 1000  # the most that an incremental export gives
_LIST_PAGE: Final = 100  # the most that a list gives
CUSTOMER_ROLE: Final = "end-user"
"""The role of people who ask; the other roles are staff."""


class ZendeskApi(ApiSettings):
    """The `api` section of a Zendesk source.

    Attributes:
        subdomain: the part before .zendesk.com.
        email: of the agent whose token it is, with
        api_token: an API token; or
        oauth_token: an OAuth access token with the scope read.
    """

    secrets: ClassVar[tuple[str, ...]] = ("api_token", "oauth_token")

    subdomain: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    email: str | None = Field(default=None, pattern=r"^[^@\s/]+@[^@\s/]+$")
    api_token: str | None = Field(default=None, min_length=1)
    oauth_token: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if (self.email is None) != (self.api_token is None):
            raise ValueError("an API token needs the e-mail address of its agent: give email and api_token")
        if (self.api_token is None) == (self.oauth_token is None):
            raise ValueError("give email with api_token, or oauth_token, and not both")
        return self

    def client(self) -> RestClient:
        """Return a client for the account."""
        from sources.rest.client import RestClient

        auth = Bearer(self.oauth_token) if self.oauth_token else Basic(f"{self.email}/token", self.api_token or "")
        return RestClient.of(self, f"https://{self.subdomain}.zendesk.com", auth=auth)


def _begin(settings: ZendeskApi, since: datetime | None) -> int:
    """Return the second since 1970 from which changes are wanted."""
    if since is None:
        since = datetime.combine(settings.start, time(), UTC) if settings.start else datetime.fromtimestamp(0, UTC)
    return int(since.timestamp())


def _exported(
    client: RestClient, path: str, records: str, begin: int, params: Mapping[str, str]
) -> Iterator[Mapping[str, Any]]:
    """Yield the answers of a cursor-based export until the end of the stream."""
    asked: dict[str, Any] = {"start_time": begin, "per_page": _PAGE, **params}
    cursor = None
    while True:
        answer = _object(client.get(path, asked), path, records)
        yield answer
        if answer.get("end_of_stream", True):
            return
        before, cursor = cursor, answer.get("after_cursor")
        if cursor is None or cursor == before:
            raise _circle(path)
        asked = {"cursor": cursor, "per_page": _PAGE, **params}


def _object(answer: Any, path: str, records: str) -> Mapping[str, Any]:
    from sources.rest.errors import RestError

    if not isinstance(answer, Mapping) or not isinstance(answer.get(records), list):
        raise RestError(f"GET {path}", f"the answer has no list of {records}", "Check subdomain and base_url")
    return answer


def _circle(path: str) -> Exception:
    from sources.rest.errors import RestError

    return RestError(
        f"GET {path}",
        "the next page is the one that was there already",
        "What came so far is kept; it is asked again by the next load",
    )


def _tickets(client: RestClient, settings: ZendeskApi, since: datetime | None) -> Iterator[Page]:
    """Yield changed tickets, deleted ones included, each with its metrics as `metric_set`."""
    path = "/api/v2/incremental/tickets/cursor.json"
    for answer in _exported(client, path, "tickets", _begin(settings, since), {"include": "metric_sets"}):
        # Zendesk puts what is asked for beside the tickets, or into each.
        metrics = {one.get("ticket_id"): one for one in answer.get("metric_sets") or [] if isinstance(one, Mapping)}
        yield [
            {**ticket, "metric_set": metrics[ticket.get("id")]} if ticket.get("id") in metrics else ticket
            for ticket in answer["tickets"]
        ]


def _users(client: RestClient, settings: ZendeskApi, since: datetime | None) -> Iterator[Page]:
    """Yield changed people who ask. The export cannot leave out staff, so they are left out here."""
    path = "/api/v2/incremental/users/cursor.json"
    for answer in _exported(client, path, "users", _begin(settings, since), {}):
        yield [user for user in answer["users"] if user.get("role") in (None, CUSTOMER_ROLE)]


def _ratings(client: RestClient, settings: ZendeskApi, since: datetime | None) -> Iterator[Page]:
    path = "/api/v2/satisfaction_ratings.json"
    asked: dict[str, Any] = {"score": "received", "start_time": _begin(settings, since), "page[size]": _LIST_PAGE}
    cursor = None
    while True:
        answer = _object(client.get(path, asked), path, "satisfaction_ratings")
        yield answer["satisfaction_ratings"]
        meta = answer.get("meta") or {}
        if not meta.get("has_more"):
            return
        before, cursor = cursor, meta.get("after_cursor")
        if cursor is None or cursor == before:
            raise _circle(path)
        asked["page[after]"] = cursor


def _calls(client: RestClient, settings: ZendeskApi, since: datetime | None) -> Iterator[Page]:
    """Yield changed calls of Talk; there is always a next page, and the last one is empty or leads to itself."""
    path = "/api/v2/channels/voice/stats/incremental/calls.json"
    asked: dict[str, Any] | None = {"start_time": _begin(settings, since)}
    place = path
    while True:
        answer = _object(client.get(place, asked), path, "calls")
        if not answer["calls"]:
            return
        yield answer["calls"]
        before, place, asked = place, answer.get("next_page") or "", None
        if place in ("", before):
            return


VENDOR = Vendor(
    name="zendesk",
    label="Zendesk",
    channel="call_centre",
    docs=f"{_DOCS}/",
    api=ZendeskApi,
    files_note=(
        "A webhook of event type ticket or user sends one JSON object; write each on a line of its own into tickets or "
        "users. Exports of the API (a list under tickets, users, satisfaction_ratings, ticket_metrics or calls) land "
        "as they are. Staff among the users is set aside with a reason."
    ),
    objects=(
        VendorObject(
            name="tickets",
            says="Requests to the service desk, with their rating and metrics.",
            docs=_EXPORT,
            fields=(
                "id", "external_id", "url", "requester_id", "submitter_id", "assignee_id", "group_id", "brand_id",
                "organization_id", "subject", "raw_subject", "description", "status", "custom_status_id", "priority",
                "type", "via", "recipient", "tags", "satisfaction_rating", "metric_set", "created_at", "updated_at",
                "generated_timestamp", "due_at", "is_public", "has_incidents", "problem_id", "ticket_form_id",
                "custom_fields", "fields", "collaborator_ids", "follower_ids", "email_cc_ids",
                "sharing_agreement_ids", "allow_channelback", "allow_attachments", "from_messaging_channel",
                "followup_ids", "forum_topic_id",
            ),
            entities=("tickets",),
            records=("tickets", "ticket", "detail"),
            pages=_tickets,
            cursor=Cursor("generated_timestamp"),
        ),
        VendorObject(
            name="users",
            says="People who ask.",
            docs=f"{_DOCS}/ticketing/users/users/",
            fields=(
                "id", "external_id", "url", "name", "alias", "email", "phone", "shared_phone_number", "role",
                "locale", "locale_id", "iana_time_zone", "time_zone", "created_at", "updated_at", "last_login_at",
                "active", "suspended", "verified", "organization_id", "default_group_id", "tags", "notes", "details",
                "photo", "user_fields", "custom_role_id", "role_type", "moderator", "restricted_agent", "shared",
                "shared_agent", "signature", "ticket_restriction", "only_private_comments", "two_factor_auth_enabled",
                "permanently_deleted",
            ),
            entities=("customers",),
            records=("users", "user", "detail"),
            pages=_users,
            cursor=Cursor("updated_at"),
        ),
        VendorObject(
            name="satisfaction_ratings",
            says="Each rating that a ticket got.",
            docs=f"{_DOCS}/ticketing/ticket-management/satisfaction_ratings/",
            fields=(
                "id", "url", "ticket_id", "requester_id", "assignee_id", "group_id", "score", "comment", "reason",
                "reason_id", "created_at", "updated_at",
            ),
            entities=("tickets",),
            records=("satisfaction_ratings", "satisfaction_rating"),
            pages=_ratings,
            cursor=Cursor("updated_at", ascending=False),
        ),
        VendorObject(
            name="ticket_metrics",
            says="Times of tickets in files of their own; the API gives them with the tickets.",
            docs=f"{_DOCS}/ticketing/tickets/ticket_metrics/",
            fields=(
                "id", "url", "ticket_id", "group_stations", "assignee_stations", "reopens", "replies",
                "assignee_updated_at", "requester_updated_at", "status_updated_at", "initially_assigned_at",
                "assigned_at", "solved_at", "latest_comment_added_at", "reply_time_in_minutes",
                "reply_time_in_seconds", "first_resolution_time_in_minutes", "full_resolution_time_in_minutes",
                "agent_wait_time_in_minutes", "requester_wait_time_in_minutes", "on_hold_time_in_minutes",
                "custom_status_updated_at", "created_at", "updated_at",
            ),
            entities=("tickets",),
            records=("ticket_metrics", "ticket_metric", "metric_sets"),
        ),
        VendorObject(
            name="calls",
            says="Calls of Zendesk Talk.",
            docs=f"{_DOCS}/voice/talk-api/incremental_exports/",
            fields=(
                "id", "created_at", "updated_at", "agent_id", "customer_id", "ticket_id", "direction",
                "completion_status", "duration", "talk_time", "wait_time", "hold_time", "consultation_time",
                "wrap_up_time", "time_to_answer", "ivr_time_spent", "call_group_id", "call_charge",
                "call_recording_consent", "call_recording_consent_action", "recording_time",
                "recording_control_interactions", "not_recording_time", "phone_number", "phone_number_id", "line",
                "line_id", "line_type", "voicemail", "default_group", "overflowed", "overflowed_to",
                "outside_business_hours", "exceeded_queue_wait_time", "exceeded_queue_time",
                "customer_requested_voicemail", "callback", "callback_source", "quality_issues", "minutes_billed",
                "ivr_action", "ivr_destination_group_name", "ivr_hops", "ivr_routed_to",
            ),
            entities=("calls",),
            records=("calls",),
            pages=_calls,
            cursor=Cursor("updated_at"),
        ),
    ),
)  # fmt: skip
