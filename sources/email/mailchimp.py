"""Mailchimp Marketing API 3.0: campaigns, members of the audiences, and the reports on each campaign.

A report's records carry two fields that Mailchimp does not give, because a load needs them: `campaign_send_time` (of
the campaign whose report it is) and `last_activity_at` (the newest time in the record's list).

API: https://mailchimp.com/developer/marketing/api/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from pydantic import Field, model_validator

from sources.rest.auth import Basic
from sources.rest.times import moment
from sources.vendor import ApiSettings, Cursor, Pages, Vendor, VendorObject

if TYPE_CHECKING:
    from sources.rest.client import RestClient

Page = Sequence[Mapping[str, Any]]

_DOCS: Final = "https://mailchimp.com/developer/marketing/api/"
_PAGE: Final = 1000  # the most that Mailchimp gives
_SENDING_TAKES: Final = timedelta(days=1)  # a campaign by the recipient's time zone goes out for a whole day


class MailchimpApi(ApiSettings):
    """The `api` section of a Mailchimp source.

    Attributes:
        api_key: key of the account; its end names the data centre (`...-us21`).
        data_center: for a key without such an end.
        activity_days: how many days after it was sent a campaign is asked for opens, clicks and unsubscribes.
    """

    secrets: ClassVar[tuple[str, ...]] = ("api_key",)

    api_key: str = Field(min_length=1)
    data_center: str | None = Field(default=None, pattern=r"^[a-z]+[0-9]+$")
    activity_days: int = Field(default=60, ge=1)

    @model_validator(mode="after")
    def _address_known(self) -> Self:
        # In the company file the key is the name of a variable: it is looked at when it has been filled in.
        is_named = self.api_key.startswith("${ENV:")
        if not (self.base_url or self.data_center or is_named or "-" in self.api_key):
            raise ValueError("the key does not end in a data centre such as -us21: copy it whole, or set data_center")
        return self

    def client(self) -> RestClient:
        """Return a client for the account's data centre; any user name goes with a key."""
        from sources.rest.client import RestClient

        place = self.data_center or self.api_key.rpartition("-")[2]
        return RestClient.of(self, f"https://{place}.api.mailchimp.com/3.0", auth=Basic("key", self.api_key))


def _all_of(
    client: RestClient, path: str, records: str, fields: Sequence[str] = (), **params: str | None
) -> Iterator[list[dict[str, Any]]]:
    """Yield the pages of a collection; `fields` limits what a record has."""
    from dlt.sources.helpers.rest_client.paginators import OffsetPaginator

    asked: dict[str, str] = {name: value for name, value in params.items() if value is not None}
    if fields:
        asked["fields"] = ",".join(["total_items", *(f"{records}.{field}" for field in fields)])
    else:
        asked["exclude_fields"] = f"{records}._links"
    paginator = OffsetPaginator(limit=_PAGE, limit_param="count", offset_param="offset", total_path="total_items")
    return client.paginate(path, params=asked, data_selector=records, paginator=paginator)


def _begin(settings: MailchimpApi, since: datetime | None) -> datetime | None:
    if since is None and settings.start is not None:
        return datetime.combine(settings.start, time(), UTC)
    return since


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="seconds")


def _campaigns(client: RestClient, settings: MailchimpApi, since: datetime | None) -> Iterator[Page]:
    """Yield the campaigns that were sent, the oldest first."""
    begin = _text(_begin(settings, since))
    return _all_of(
        client, "/campaigns", "campaigns", status="sent", sort_field="send_time", sort_dir="ASC", since_send_time=begin
    )


def _members(client: RestClient, settings: MailchimpApi, since: datetime | None) -> Iterator[Page]:
    """Yield the members of all audiences that changed.

    They come in Mailchimp's own order: ordered by their change, those that change meanwhile would move behind the end,
    and others would slip over the edge of a page.
    """
    begin = _text(_begin(settings, since))
    lists = [one["id"] for page in _all_of(client, "/lists", "lists", ("id",)) for one in page]
    for name in lists:
        yield from _all_of(client, f"/lists/{name}/members", "members", since_last_changed=begin)


def _report(
    name: str,
    records: str,
    *,
    at: str,
    fields: Sequence[str] = (),
    newest_in: str | None = None,
) -> Pages:
    """Return how one report of every campaign is asked for.

    Args:
        name: last part of its path.
        records: the list that holds the records.
        at: field with a record's time; records from before `since` are left out, as an earlier load had them. Where it
            is the campaign's, a campaign that has gone out is asked for once; else for as long as `activity_days` says.
        fields: what a record shall have; default all.
        newest_in: list of a record whose newest `timestamp` becomes `last_activity_at`; records without one say
            nothing and are left out. Mailchimp is asked for what is new in such lists.
    """

    def pages(client: RestClient, settings: MailchimpApi, since: datetime | None) -> Iterator[Page]:
        is_once = at == "campaign_send_time"
        back = _SENDING_TAKES if is_once else timedelta(days=settings.activity_days)
        sent_from = _begin(settings, since and since - back)
        asked = {"since": _text(since)} if newest_in else {}
        campaigns = [
            (one["id"], one.get("send_time"))
            for page in _all_of(
                client, "/campaigns", "campaigns", ("id", "send_time"),
                status="sent", sort_field="send_time", sort_dir="ASC", since_send_time=_text(sent_from),
            )
            for one in page
        ]  # fmt: skip
        for campaign, send_time in campaigns:
            if is_once and _was_loaded(send_time, settings, since):
                continue
            for page in _all_of(client, f"/reports/{campaign}/{name}", records, fields, **asked):
                completed = _completed(page, send_time, newest_in)
                new = list(completed) if is_once else [one for one in completed if _is_new(one.get(at), since)]
                if new:
                    yield new

    return pages


def _completed(page: Page, send_time: Any, newest_in: str | None) -> Iterator[dict[str, Any]]:
    for record in page:
        made = {**record, "campaign_send_time": send_time}
        if newest_in is not None:
            times = [str(one["timestamp"]) for one in record.get(newest_in) or () if one.get("timestamp")]
            if not times:
                continue
            made["last_activity_at"] = max(times)
        yield made


def _was_loaded(send_time: Any, settings: MailchimpApi, since: datetime | None) -> bool:
    """Whether an earlier load has had a campaign.

    It reaches status `sent` up to a day after its `send_time`, by when later ones may have moved the cursor past it. So
    it is asked for again for two days: loads are expected to come at least daily.
    """
    sent = moment(send_time)
    if sent is None or since is None:
        return False
    loaded_to = since + timedelta(minutes=settings.look_back_minutes)
    return sent <= loaded_to and sent < datetime.now(UTC) - 2 * _SENDING_TAKES


def _is_new(value: Any, since: datetime | None) -> bool:
    found = moment(value)
    return since is None or found is None or found >= since


VENDOR: Final = Vendor(
    name="mailchimp",
    label="Mailchimp",
    channel="email",
    docs=_DOCS,
    objects=(
        VendorObject(
            name="campaigns",
            says="Campaigns that were sent.",
            docs=f"{_DOCS}campaigns/",
            fields=(
                "id", "web_id", "parent_campaign_id", "type", "create_time", "archive_url", "long_archive_url",
                "status", "emails_sent", "send_time", "content_type", "needs_block_refresh", "resendable", "recipients",
                "settings", "variate_settings", "tracking", "rss_opts", "ab_split_opts", "social_card",
                "report_summary", "delivery_status", "resend_shortcut_eligibility", "resend_shortcut_usage",
            ),
            entities=("campaigns",),
            records=("campaigns",),
            pages=_campaigns,
            cursor=Cursor("send_time"),
        ),
        VendorObject(
            name="members",
            says="Contacts of the audiences with their consent.",
            docs=f"{_DOCS}list-members/",
            fields=(
                "id", "email_address", "unique_email_id", "contact_id", "full_name", "web_id", "email_type", "status",
                "unsubscribe_reason", "consents_to_one_to_one_messaging", "sms_phone_number", "sms_subscription_status",
                "sms_subscription_last_updated", "merge_fields", "interests", "stats", "ip_signup", "timestamp_signup",
                "ip_opt", "timestamp_opt", "member_rating", "last_changed", "language", "vip", "email_client",
                "location", "marketing_permissions", "last_note", "source", "tags_count", "tags", "list_id",
            ),
            entities=("customers", "consents"),
            records=("members",),
            pages=_members,
            cursor=Cursor("last_changed", ascending=False),
        ),
        VendorObject(
            name="sent_to",
            says="Who a campaign was sent to.",
            docs=f"{_DOCS}reports-sent-to/",
            fields=(
                "email_id", "email_address", "merge_fields", "vip", "status", "open_count", "last_open",
                "absplit_group", "gmt_offset", "campaign_id", "list_id", "list_is_active", "contact_id",
                "campaign_send_time",
            ),
            entities=("email_events",),
            records=("sent_to",),
            # Without the counters, which change with each open, a page stays the same and is not loaded again.
            pages=_report(
                "sent-to", "sent_to", at="campaign_send_time",
                fields=("email_id", "email_address", "status", "campaign_id", "list_id"),
            ),
            cursor=Cursor("campaign_send_time", ascending=False),
        ),
        VendorObject(
            name="email_activity",
            says="What each recipient of a campaign did: opens, clicks, bounces.",
            docs=f"{_DOCS}email-activity-reports/",
            fields=(
                "campaign_id", "list_id", "list_is_active", "email_id", "email_address", "activity",
                "campaign_send_time", "last_activity_at",
            ),
            entities=("email_events", "consents"),
            records=("emails",),
            pages=_report(
                "email-activity", "emails", at="last_activity_at", newest_in="activity"
            ),
            cursor=Cursor("last_activity_at", ascending=False),
        ),
        VendorObject(
            name="open_details",
            says="Each open of a campaign, and whether a privacy proxy did it.",
            docs=f"{_DOCS}open-reports/",
            fields=(
                "campaign_id", "list_id", "list_is_active", "contact_status", "email_id", "email_address",
                "merge_fields", "vip", "opens_count", "proxy_excluded_opens_count", "opens", "campaign_send_time",
                "last_activity_at",
            ),
            entities=("email_events",),
            records=("members",),
            pages=_report(
                "open-details", "members", at="last_activity_at", newest_in="opens"
            ),
            cursor=Cursor("last_activity_at", ascending=False),
        ),
        VendorObject(
            name="unsubscribes",
            says="Who left after a campaign.",
            docs=f"{_DOCS}unsub-reports/",
            fields=(
                "email_id", "email_address", "merge_fields", "vip", "timestamp", "reason", "campaign_id", "list_id",
                "list_is_active", "campaign_send_time",
            ),
            entities=("email_events", "consents"),
            records=("unsubscribes",),
            pages=_report("unsubscribed", "unsubscribes", at="timestamp"),
            cursor=Cursor("timestamp", ascending=False),
        ),
        VendorObject(
            name="abuse_reports",
            says="Who reported a campaign as spam.",
            docs=f"{_DOCS}campaign-abuse/",
            fields=(
                "id", "campaign_id", "list_id", "email_id", "email_address", "merge_fields", "vip", "date",
                "campaign_send_time",
            ),
            entities=("email_events", "consents"),
            records=("abuse_reports",),
            pages=_report("abuse-reports", "abuse_reports", at="date"),
            cursor=Cursor("date", ascending=False),
        ),
    ),
    api=MailchimpApi,
    files_note=(
        "Exports of these API objects as JSON lines, or whole pages as they came, one a line. Mailchimp's webhooks "
        "post forms (application/x-www-form-urlencoded), no JSON: they are not read, the API tells the same."
    ),
)  # fmt: skip
"""Mailchimp. What its reports only count (click-details) is not read: email_activity has each click with its time."""
