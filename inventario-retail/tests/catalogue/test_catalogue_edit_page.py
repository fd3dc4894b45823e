"""The page that edits a product, and what nobody's browser would send it."""

from __future__ import annotations

import httpx
import pytest

from inventario.catalogue.schemas import ProductCreate
from inventario.catalogue.service import Catalogue

pytest_plugins = ["catalogue_shop"]

PAGE = "http://localhost/products/MATE/edit"
HTML = {"accept": "text/html"}


@pytest.fixture
async def product(catalogue: Catalogue) -> None:
    await catalogue.create_product(ProductCreate(sku="MATE", name="Mate", unit="unit"))


@pytest.mark.usefixtures("product")
@pytest.mark.parametrize("version", ["", "1e9", "9" * 5000, "-1", "\u0662", "999999999"])
async def test_an_edit_from_a_version_that_is_none_compares_every_field(api: httpx.AsyncClient, catalogue: Catalogue, version: str) -> None:
    form = {"version": version, "original": '{"name": "Older name"}', "name": "My name"}
    assert (await api.post(PAGE, data=form, headers=HTML)).status_code == 409
    assert (await catalogue.get_product("MATE")).name == "Mate"


@pytest.mark.usefixtures("product")
@pytest.mark.parametrize("original", ["[" * 5000, '{"name": ' * 5000, "[]", "nothing", "9" * 5000])
async def test_an_original_that_is_none_counts_as_empty(api: httpx.AsyncClient, original: str) -> None:
    form = {"version": "1", "original": original, "name": "My name"}
    assert (await api.post(PAGE, data=form, headers=HTML)).status_code == 303


@pytest.mark.usefixtures("product")
@pytest.mark.parametrize("field", ["name", "category", "supplier", "barcodes", "status", "price"])
async def test_signs_that_cannot_be_kept_are_told_at_their_field(api: httpx.AsyncClient, field: str) -> None:
    assert (await api.post(PAGE, data={"version": "1", field: "a\0b"}, headers=HTML)).status_code == 422
    half = f'--b\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n\\ud800\0\r\n--b--\r\n'
    headers = HTML | {"content-type": "multipart/form-data; boundary=b; charset=unicode_escape"}
    assert (await api.post(PAGE, content=half.encode(), headers=headers)).status_code == 422


@pytest.mark.parametrize("sku", ["%00", "a%00b", "nothing"])
async def test_a_product_that_cannot_be_is_not_found(api: httpx.AsyncClient, sku: str) -> None:
    for path in (f"http://localhost/products/{sku}/edit", f"http://localhost/products/{sku}"):
        assert (await api.get(path, headers=HTML)).status_code == 404
    assert (await api.post(f"http://localhost/products/{sku}/edit", data={"version": "1"}, headers=HTML)).status_code == 404
