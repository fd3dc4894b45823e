"""The fixtures of `browser_app`, for every test of this folder."""

from browser.browser_app import browser_server, chromium, empty_shop, open_context, page, phone, shop, stocked, watch

__all__ = ["browser_server", "chromium", "empty_shop", "open_context", "page", "phone", "shop", "stocked", "watch"]
