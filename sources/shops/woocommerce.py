"""WooCommerce: orders, customers and products, from its REST API v3 or as payloads of its webhooks.

API: https://woocommerce.github.io/woocommerce-rest-api-docs/
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pydantic import Field, field_validator

from sources.rest.auth import Basic
from sources.rest.errors import RestError
from sources.rest.times import moment
from sources.vendor import ApiSettings, Cursor, Vendor, VendorObject

if TYPE_CHECKING:
    from sources.rest.client import RestClient

Record = dict[str, Any]

_DOCS: Final = "https://woocommerce.github.io/woocommerce-rest-api-docs/"
_MOST: Final = 100  # records that WooCommerce gives at once


class WooCommerceApi(ApiSettings):
    """The `api` section of a WooCommerce source.

    Attributes:
        store: the shop's address, https.
        consumer_key: of a key with read access (WooCommerce, Settings, Advanced, REST API).
        consumer_secret: its secret.
        page_size: records asked for at once.
    """

    secrets: ClassVar[tuple[str, ...]] = ("consumer_key", "consumer_secret")

    store: str
    consumer_key: str = Field(min_length=1)
    consumer_secret: str = Field(min_length=1)
    page_size: int = Field(default=_MOST, ge=1, le=_MOST)

    @field_validator("store")
    @classmethod
    def _is_safe(cls, value: str) -> str:
        value = value.rstrip("/")
        if not value.startswith("https://"):
            raise ValueError("the address begins with https://, because the key goes with every request")
        return value

    def client(self) -> RestClient:
        """Return a client for the shop's REST API v3."""
        from sources.rest.client import RestClient

        return RestClient.of(self, f"{self.store}/wp-json/wc/v3", auth=Basic(self.consumer_key, self.consumer_secret))


def _changed(client: RestClient, path: str, settings: WooCommerceApi, since: datetime | None) -> Iterator[list[Record]]:
    """Yield records, oldest change first, from those on that changed at `since`.

    Pages are not counted on: a record that changes meanwhile moves to the end, all others move up, and one would slip
    over the edge of a page. So each request starts at the time where the last one ended, and a second page is asked for
    only while more records than a page holds have one and the same time.

    Raises:
        RestError: the shop does not do as it is asked.
    """
    after = since or (datetime.combine(settings.start, time(), UTC) if settings.start else None)
    page, known = 1, set[tuple[str, str]]()
    while True:
        asked: dict[str, Any] = {"per_page": settings.page_size, "page": page, "orderby": "modified", "order": "asc"}
        if after is not None:
            # "After" leaves the time itself out.
            before = (after - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%S")
            asked |= {"modified_after": before, "dates_are_gmt": "true"}
        found: list[Record] = client.get(path, asked)
        marks = [(str(one.get("id")), str(one.get("date_modified_gmt"))) for one in found]
        new = [one for one, mark in zip(found, marks, strict=True) if mark not in known]
        first, last = (moment(one.get("date_modified_gmt")) for one in (found[0], found[-1])) if found else (None, None)
        if after is not None and first is not None and first < after - timedelta(seconds=1):
            raise RestError(
                f"GET {path}",
                "the shop gives records from before the time that was asked for",
                "Update WooCommerce: 5.8 is the first version that knows `modified_after`",
            )
        if new:
            yield new
        elif len(found) < settings.page_size:
            return
        elif page > 1:
            raise RestError(f"GET {path}", f"page {page:,} is one that was there already", "Tell the shop's keeper")
        if last is None or (after is not None and last <= after):
            page += 1
            known |= set(marks)
        else:
            after, page, known = last, 1, set(marks)


def _all(client: RestClient, path: str, settings: WooCommerceApi, **params: str) -> Iterator[list[Record]]:
    """Yield all records by their ids, so that new ones come last and none slips over the edge of a page."""
    page = 1
    while True:
        asked = {"per_page": settings.page_size, "page": page, "orderby": "id", "order": "asc", **params}
        found: list[Record] = client.get(path, asked)
        if found:
            yield found
        if len(found) < settings.page_size:
            return
        page += 1


def _orders(client: RestClient, settings: WooCommerceApi, since: datetime | None) -> Iterator[list[Record]]:
    """Yield orders; one with refunds has them in full as `refund_details`, as it only says itself what they come to."""
    for page in _changed(client, "/orders", settings, since):
        for order in page:
            if order.get("refunds"):
                order["refund_details"] = [
                    one for found in _all(client, f"/orders/{order['id']}/refunds", settings) for one in found
                ]
        yield page


def _products(client: RestClient, settings: WooCommerceApi, since: datetime | None) -> Iterator[list[Record]]:
    """Yield products; one with variations has them in full as `variation_details`, as it only lists their ids."""
    for page in _changed(client, "/products", settings, since):
        for product in page:
            if product.get("variations"):
                product["variation_details"] = [
                    one for found in _all(client, f"/products/{product['id']}/variations", settings) for one in found
                ]
        yield page


def _customers(client: RestClient, settings: WooCommerceApi, _: datetime | None) -> Iterator[list[Record]]:
    """Yield all customers: WooCommerce cannot be asked for those that changed.

    Of any role, because whoever orders while logged in is one, the shop's staff too.
    """
    return _all(client, "/customers", settings, role="all")


_MODIFIED: Final = Cursor("date_modified_gmt")

VENDOR: Final = Vendor(
    name="woocommerce",
    label="WooCommerce",
    channel="shop",
    docs=_DOCS,
    objects=(
        VendorObject(
            name="orders",
            says="Orders with their lines: from the API, exports and the payloads of webhooks order.*.",
            docs=f"{_DOCS}#order-properties",
            fields=(
                "id", "parent_id", "number", "order_key", "created_via", "version", "status", "currency",
                "currency_symbol", "date_created", "date_created_gmt", "date_modified", "date_modified_gmt",
                "discount_total", "discount_tax", "shipping_total", "shipping_tax", "cart_tax", "total", "total_tax",
                "prices_include_tax", "customer_id", "customer_ip_address", "customer_user_agent", "customer_note",
                "billing", "shipping", "payment_method", "payment_method_title", "transaction_id", "date_paid",
                "date_paid_gmt", "date_completed", "date_completed_gmt", "cart_hash", "meta_data", "line_items",
                "tax_lines", "shipping_lines", "fee_lines", "coupon_lines", "gift_cards", "refunds", "refund_details",
                "payment_url", "is_editable", "needs_payment", "needs_processing", "_links",
            ),
            entities=("orders", "order_lines"),
            pages=_orders,
            cursor=_MODIFIED,
        ),
        VendorObject(
            name="order_refunds",
            says="Refunds by themselves: exports of /orders/<id>/refunds and of /refunds.",
            docs=f"{_DOCS}#order-refund-properties",
            fields=(
                "id", "parent_id", "date_created", "date_created_gmt", "amount", "reason", "refunded_by",
                "refunded_payment", "meta_data", "line_items", "shipping_lines", "tax_lines", "fee_lines", "_links",
            ),
            entities=("order_lines",),
        ),
        VendorObject(
            name="customers",
            says="Registered customers: from the API, exports and the payloads of webhooks customer.*.",
            docs=f"{_DOCS}#customer-properties",
            fields=(
                "id", "date_created", "date_created_gmt", "date_modified", "date_modified_gmt", "email", "first_name",
                "last_name", "role", "username", "billing", "shipping", "is_paying_customer", "avatar_url",
                "meta_data", "_links",
            ),
            entities=("customers",),
            pages=_customers,
        ),
        VendorObject(
            name="products",
            says="Products with their variations: from the API, exports and the payloads of webhooks product.*.",
            docs=f"{_DOCS}#product-properties",
            fields=(
                "id", "name", "slug", "permalink", "date_created", "date_created_gmt", "date_modified",
                "date_modified_gmt", "type", "status", "featured", "catalog_visibility", "description",
                "short_description", "sku", "global_unique_id", "price", "regular_price", "sale_price",
                "date_on_sale_from", "date_on_sale_from_gmt", "date_on_sale_to", "date_on_sale_to_gmt", "price_html",
                "on_sale", "purchasable", "total_sales", "virtual", "downloadable", "downloads", "download_limit",
                "download_expiry", "external_url", "button_text", "tax_status", "tax_class", "manage_stock",
                "stock_quantity", "stock_status", "backorders", "backorders_allowed", "backordered", "low_stock_amount",
                "sold_individually", "weight", "dimensions", "shipping_required", "shipping_taxable", "shipping_class",
                "shipping_class_id", "reviews_allowed", "average_rating", "rating_count", "related_ids", "upsell_ids",
                "cross_sell_ids", "parent_id", "purchase_note", "categories", "brands", "tags", "images", "attributes",
                "default_attributes", "variations", "variation_details", "grouped_products", "menu_order",
                "cost_of_goods_sold", "has_options", "post_password", "meta_data", "_links",
            ),
            entities=("products",),
            pages=_products,
            cursor=_MODIFIED,
        ),
        VendorObject(
            name="product_variations",
            says="Variations by themselves: exports of /products/<id>/variations.",
            docs=f"{_DOCS}#product-variation-properties",
            fields=(
                "id", "name", "parent_id", "date_created", "date_created_gmt", "date_modified", "date_modified_gmt",
                "description", "permalink", "sku", "global_unique_id", "price", "regular_price", "sale_price",
                "date_on_sale_from", "date_on_sale_from_gmt", "date_on_sale_to", "date_on_sale_to_gmt", "on_sale",
                "status", "type", "purchasable", "virtual", "downloadable", "downloads", "download_limit",
                "download_expiry", "tax_status", "tax_class", "manage_stock", "stock_quantity", "stock_status",
                "backorders", "backorders_allowed", "backordered", "low_stock_amount", "weight", "dimensions",
                "shipping_class", "shipping_class_id", "image", "attributes", "menu_order", "cost_of_goods_sold",
                "meta_data", "_links",
            ),
            entities=("products",),
        ),
    ),
    api=WooCommerceApi,
    files_note=(
        "Webhook payloads, one a line, a file (or folder) per object: order.* as orders, customer.* as customers, "
        "product.* as products. Answers of the API as they came, one a line, do as well."
    ),
)  # fmt: skip
"""WooCommerce. Coupons, notes, reviews, reports and whatever plug-ins keep in meta_data are not mapped; meta_data stays
in the raw table."""
