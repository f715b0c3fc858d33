"""Shopify: orders, customers and products, from the GraphQL Admin API, from bulk operations' files, or as REST.

REST shapes (webhooks, exports): https://shopify.dev/docs/api/admin-rest
GraphQL shapes: https://shopify.dev/docs/api/admin-graphql
Webhook topics: https://shopify.dev/docs/api/webhooks
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pydantic import Field, field_validator

from sources.rest.auth import ApiKey
from sources.shops.shopify_graphql import CUSTOMERS, ORDERS, PRODUCTS, Question, busy_seconds, pages_of
from sources.vendor import ApiSettings, Cursor, Pages, Vendor, VendorObject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sources.rest.client import RestClient

_REST: Final = "https://shopify.dev/docs/api/admin-rest/latest/resources/"
_GRAPHQL: Final = "https://shopify.dev/docs/api/admin-graphql/latest/objects/"
_DOMAIN: Final = ".myshopify.com"


class ShopifyApi(ApiSettings):
    """The `api` section of a Shopify source.

    Attributes:
        shop: the name before `.myshopify.com`.
        access_token: Admin API token of an app with read access to orders, customers, products, inventory, locations.
        version: of the API; Shopify keeps each for a year.
        page_size: records asked for at once. A query may cost 1,000 points: larger pages need smaller nested ones.
        nested_page_size: lines of an order, variants of a product asked for together with it; the rest follows.
        bulk: whether the first load uses a bulk operation, which takes large shops minutes instead of hours.
    """

    secrets: ClassVar[tuple[str, ...]] = ("access_token",)

    shop: str = Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9-]*$")
    access_token: str = Field(min_length=1)
    version: str = Field(default="2026-07", pattern=r"^([0-9]{4}-[0-9]{2}|unstable)$")
    page_size: int = Field(default=10, ge=1, le=250)
    nested_page_size: int = Field(default=5, ge=1, le=250)
    bulk: bool = True

    @field_validator("shop", mode="before")
    @classmethod
    def _without_domain(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return value.removeprefix("https://").removesuffix("/").removesuffix(_DOMAIN)

    def client(self) -> RestClient:
        """Return a client for the shop's Admin API; answers that only say THROTTLED are waited out."""
        from sources.rest.client import RestClient

        return RestClient.of(
            self,
            f"https://{self.shop}{_DOMAIN}/admin/api/{self.version}",
            auth=ApiKey("X-Shopify-Access-Token", self.access_token),
            busy=busy_seconds,
        )


def _pages(question: Question) -> Pages:
    def pages(client: RestClient, settings: ShopifyApi, since: datetime | None) -> Iterator[list[dict[str, Any]]]:
        return pages_of(question, client, settings, since)

    return pages


# A bulk operation's file is in no order of time, so progress is kept when all of it is there.
_CHANGED: Final = Cursor("updatedAt", ascending=False)

_ORDER_NODE: Final = (
    "id", "name", "createdAt", "processedAt", "updatedAt", "cancelledAt", "cancelReason", "closedAt", "confirmed",
    "test", "edited", "note", "tags", "currencyCode", "presentmentCurrencyCode", "displayFinancialStatus",
    "displayFulfillmentStatus", "sourceName", "sourceIdentifier", "taxesIncluded", "dutiesIncluded", "email", "phone",
    "customerLocale", "customerAcceptsMarketing", "discountCode", "discountCodes", "customer", "billingAddress",
    "shippingAddress", "retailLocation", "staffMember", "subtotalPriceSet", "totalPriceSet", "totalTaxSet",
    "totalDiscountsSet", "totalShippingPriceSet", "totalTipReceivedSet", "originalTotalPriceSet",
    "originalTotalDutiesSet", "originalTotalAdditionalFeesSet", "currentSubtotalPriceSet", "currentTotalPriceSet",
    "currentTotalTaxSet", "currentTotalDiscountsSet", "totalRefundedSet", "totalRefundedShippingSet", "lineItems",
    "shippingLines", "taxLines", "discountApplications", "refunds", "transactions",
)  # fmt: skip
_LINE_NODE: Final = (
    "__parentId", "title", "variantTitle", "sku", "vendor", "quantity", "currentQuantity", "isGiftCard", "variant",
    "product", "originalUnitPriceSet", "originalTotalSet", "discountedTotalSet", "discountAllocations",
    "discountedPriceSet", "originalPriceSet",
)  # fmt: skip
_PRODUCT_NODE: Final = (
    "id", "title", "handle", "productType", "category", "vendor", "status", "tags", "createdAt", "updatedAt",
)  # fmt: skip

VENDOR: Final = Vendor(
    name="shopify",
    label="Shopify",
    channel="shop",
    docs="https://shopify.dev/docs/api/admin-graphql",
    objects=(
        VendorObject(
            name="orders",
            says="Orders in the REST shape: exports and the payloads of webhooks orders/*.",
            docs=f"{_REST}order",
            fields=(
                "id", "admin_graphql_api_id", "app_id", "billing_address", "browser_ip", "buyer_accepts_marketing",
                "cancel_reason", "cancelled_at", "cart_token", "checkout_id", "checkout_token", "client_details",
                "closed_at", "company", "confirmation_number", "confirmed", "contact_email", "created_at", "currency",
                "current_subtotal_price", "current_subtotal_price_set", "current_total_additional_fees_set",
                "current_total_discounts", "current_total_discounts_set", "current_total_duties_set",
                "current_total_price", "current_total_price_set", "current_total_tax", "current_total_tax_set",
                "customer", "customer_locale", "device_id", "discount_applications", "discount_codes",
                "duties_included", "email", "estimated_taxes", "financial_status", "fulfillment_status",
                "fulfillments", "gateway", "landing_site", "landing_site_ref", "line_items", "location_id",
                "merchant_business_entity_id", "merchant_of_record_app_id", "name", "note", "note_attributes", "number",
                "order_number", "order_status_url", "original_total_additional_fees_set", "original_total_duties_set",
                "payment_details", "payment_gateway_names", "payment_terms", "phone", "po_number",
                "presentment_currency", "processed_at",
                "processing_method", "reference", "referring_site", "refunds", "returns", "shipping_address",
                "shipping_lines", "source", "source_identifier", "source_name", "source_url", "subtotal_price",
                "subtotal_price_set", "tags", "tax_exempt", "tax_lines", "taxes_included", "test", "token",
                "total_cash_rounding_payment_adjustment_set", "total_cash_rounding_refund_adjustment_set",
                "total_discounts", "total_discounts_set", "total_line_items_price", "total_line_items_price_set",
                "total_outstanding", "total_price", "total_price_set", "total_price_usd", "total_shipping_price_set",
                "total_tax", "total_tax_set", "total_tip_received", "total_weight", "updated_at", "user_id",
            ),
            entities=("orders", "order_lines"),
            records=("orders", "order"),
        ),
        VendorObject(
            name="refunds",
            says="Refunds in the REST shape: exports and the payloads of webhook refunds/create.",
            docs=f"{_REST}refund",
            fields=(
                "id", "admin_graphql_api_id", "order_id", "created_at", "processed_at", "note", "user_id", "restock",
                "return", "refund_line_items", "refund_shipping_lines", "order_adjustments", "transactions", "duties",
                "total_duties_set", "additional_fees", "total_additional_fees_set",
            ),
            entities=("order_lines",),
            records=("refunds", "refund"),
        ),
        VendorObject(
            name="customers",
            says="Customers in the REST shape: exports and the payloads of webhooks customers/*.",
            docs=f"{_REST}customer",
            fields=(
                "id", "admin_graphql_api_id", "accepts_marketing", "accepts_marketing_updated_at", "addresses",
                "created_at", "currency", "default_address", "email", "email_marketing_consent", "first_name",
                "last_name", "last_order_id", "last_order_name", "marketing_opt_in_level", "multipass_identifier",
                "note", "orders_count", "phone", "sms_marketing_consent", "state", "tags", "tax_exempt",
                "tax_exemptions", "total_spent", "updated_at", "verified_email",
            ),
            entities=("customers", "consents"),
            records=("customers", "customer"),
        ),
        VendorObject(
            name="customers_marketing_consent",
            says="Changes of consent: payloads of webhooks customers_(email_)marketing_consent/update.",
            docs="https://shopify.dev/docs/api/webhooks?reference=toml#list-of-topics",
            fields=(
                "id", "customer_id", "email", "email_address", "phone", "email_marketing_consent",
                "sms_marketing_consent", "admin_graphql_api_id",
            ),
            entities=("consents",),
        ),
        VendorObject(
            name="products",
            says="Products with their variants in the REST shape: exports and the payloads of webhooks products/*.",
            docs=f"{_REST}product",
            fields=(
                "id", "admin_graphql_api_id", "body_html", "category", "created_at", "handle",
                "has_variants_that_requires_components", "image", "images", "media", "options", "product_type",
                "published_at", "published_scope", "status", "tags", "template_suffix", "title", "updated_at",
                "variant_gids", "variants", "vendor",
            ),
            entities=("products",),
            records=("products", "product"),
        ),
        VendorObject(
            name="inventory_items",
            says="What each SKU costs, in the REST shape: exports and the payloads of webhooks inventory_items/*.",
            docs=f"{_REST}inventoryitem",
            fields=(
                "id", "admin_graphql_api_id", "cost", "country_code_of_origin", "country_harmonized_system_codes",
                "created_at", "harmonized_system_code", "province_code_of_origin", "requires_shipping", "sku",
                "tracked", "updated_at", "weight_unit", "weight_value",
            ),
            entities=("products",),
            records=("inventory_items", "inventory_item"),
        ),
        VendorObject(
            name="orders_graphql",
            says="Orders as the GraphQL Admin API gives them, with all lines and refunds.",
            docs=f"{_GRAPHQL}Order",
            fields=_ORDER_NODE,
            entities=("orders", "order_lines"),
            records=("data.orders.nodes",),
            pages=_pages(ORDERS),
            cursor=_CHANGED,
        ),
        VendorObject(
            name="customers_graphql",
            says="Customers with their consents as the GraphQL Admin API gives them; also rows of a bulk operation.",
            docs=f"{_GRAPHQL}Customer",
            fields=(
                "id", "firstName", "lastName", "displayName", "email", "phone", "locale", "state", "note", "tags",
                "createdAt", "updatedAt", "defaultEmailAddress", "defaultPhoneNumber", "emailMarketingConsent",
                "smsMarketingConsent", "defaultAddress", "addressesV2", "numberOfOrders", "amountSpent", "taxExempt",
                "verifiedEmail",
            ),
            entities=("customers", "consents"),
            pages=_pages(CUSTOMERS),
            cursor=_CHANGED,
        ),
        VendorObject(
            name="products_graphql",
            says="Products with all their variants and what they cost, as the GraphQL Admin API gives them.",
            docs=f"{_GRAPHQL}Product",
            fields=(*_PRODUCT_NODE, "variants"),
            entities=("products",),
            records=("data.products.nodes",),
            pages=_pages(PRODUCTS),
            cursor=_CHANGED,
        ),
        VendorObject(
            name="orders_bulk",
            says="The file of a bulk operation over orders: rows of orders and, with __parentId, of their lines.",
            docs="https://shopify.dev/docs/api/usage/bulk-operations/queries",
            fields=tuple(dict.fromkeys(_ORDER_NODE + _LINE_NODE)),
            entities=("orders", "order_lines"),
        ),
        VendorObject(
            name="products_bulk",
            says="The file of a bulk operation over products: rows of products and, with __parentId, of variants.",
            docs="https://shopify.dev/docs/api/usage/bulk-operations/queries",
            fields=(*_PRODUCT_NODE, "__parentId", "displayName", "sku", "barcode", "price", "inventoryItem"),
            entities=("products",),
        ),
    ),
    api=ShopifyApi,
    files_note=(
        "Webhook payloads, one a line, a file (or folder) per object: orders/* as orders, refunds/create as refunds, "
        "customers/* as customers, customers_email_marketing_consent/update and customers_marketing_consent/update as "
        "customers_marketing_consent, products/* as products, inventory_items/* as inventory_items. Files of bulk "
        "operations: orders_bulk, products_bulk, customers_graphql."
    ),
)  # fmt: skip
"""Shopify. Draft orders, abandoned checkouts, fulfilments, payouts and metafields are not read."""
