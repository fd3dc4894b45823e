"""The description of the API and the page of problems say what the service does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

import inventario
from inventario.errors import ProblemDocument
from inventario.web.kinds import problem_kinds

pytest_plugins = ["web_app"]

Client = httpx.AsyncClient
Node = dict[str, Any]
PACKAGE = Path(inventario.__file__).parent


@pytest.fixture
async def description(client: Client) -> Node:
    """What is published."""
    found: Node = (await client.get("/api/v1/openapi.json")).json()
    return found


def answers(description: Node) -> Iterator[tuple[str, str, Node]]:
    """Every documented answer: which operation, its status, and what stands there once references are followed."""
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            for status, answer in operation["responses"].items():
                yield f"{method} {path}", status, looked_up(description, answer)


def looked_up(description: Node, node: Node) -> Node:
    """Follow the reference at *node*, where it is one."""
    if "$ref" not in node:
        return node
    found: Any = description
    for part in node["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return looked_up(description, found)


def references(node: Any) -> Iterator[str]:
    """Every ``$ref`` below *node*."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from references(inner)


def bare(description: Node, schema: Node, seen: set[str], place: str) -> Iterator[str]:
    """Places below *schema* that say nothing about what stands there."""
    if "$ref" in schema:
        if schema["$ref"] in seen:
            return
        seen.add(schema["$ref"])
        yield from bare(description, looked_up(description, schema), seen, schema["$ref"])
        return
    inner = [*schema.get("properties", {}).items(), *((key, schema[key]) for key in ("items", "additionalProperties") if key in schema)]
    nested = [(key, value) for key, value in inner if isinstance(value, dict)]
    nested += [(f"{key}.{index}", value) for key in ("anyOf", "oneOf", "allOf") for index, value in enumerate(schema.get(key, []))]
    # A map of texts names neither its keys nor what they mean; a map of models does at least the latter.
    is_map = "$ref" in schema.get("additionalProperties", {}) if isinstance(schema.get("additionalProperties"), dict) else False
    if (
        (not nested and not ({"type", "const", "enum"} & schema.keys()))
        or (schema.get("type") == "object" and not schema.get("properties") and not is_map)
        or (schema.get("type") == "array" and "items" not in schema and "prefixItems" not in schema)
    ):
        yield place
    for key, value in nested:
        yield from bare(description, value, seen, f"{place}/{key}")


async def test_every_reference_leads_somewhere(description: Node) -> None:
    broken = []
    for reference in set(references(description)):
        try:
            looked_up(description, {"$ref": reference})
        except KeyError:
            broken.append(reference)
    assert broken == []


async def test_no_answer_is_a_bare_object(description: Node) -> None:
    seen: set[str] = set()
    found = [
        f"{operation} {status}: {place}"
        for operation, status, answer in answers(description)
        for content in answer["content"].values()
        for place in bare(description, content["schema"], seen, "")
    ]
    assert found == []
    assert len(seen) > 20


async def test_every_error_is_described_as_a_problem_document(description: Node) -> None:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
    documented = list(answers(description))
    errors = [(operation, answer["content"]) for operation, status, answer in documented if status == "default" or status.startswith("4")]
    assert [(operation, content) for operation, content in errors if content != problem] == []
    assert {operation for operation, _ in errors} == {operation for operation, _, _ in documented}


async def test_no_error_of_the_framework_is_described(client: Client) -> None:
    text = (await client.get("/api/v1/openapi.json")).text
    assert "ValidationError" not in text


async def test_the_two_ways_to_send_a_key_are_described(description: Node) -> None:
    schemes = description["components"]["securitySchemes"]
    assert (schemes["ApiKey"]["in"], schemes["ApiKey"]["name"], schemes["Bearer"]["scheme"]) == ("header", "X-API-Key", "bearer")
    assert description["security"] == [{"ApiKey": []}, {"Bearer": []}]
    assert description["paths"]["/livez"]["get"]["security"] == []


def test_the_description_is_made_once(app: FastAPI) -> None:
    assert app.openapi() is app.openapi()


def problem(answer: httpx.Response, status: int, code: str) -> BaseModel:
    """Check that *answer* is the problem that was expected."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    document = ProblemDocument.model_validate_json(answer.content, strict=True)
    assert (document.status, document.code, document.type) == (status, code, f"/docs/problems#{code}")
    return document


async def test_a_real_404_is_what_the_description_says(client: Client) -> None:
    problem(await client.get("/api/v1/products/NOTHING"), 404, "not-found")


async def test_a_real_422_is_what_the_description_says(client: Client) -> None:
    answer = await client.post("/api/v1/products", json={"sku": 1})
    assert problem(answer, 422, "invalid").model_dump()["errors"]


async def test_a_real_401_is_what_the_description_says(anonymous: Client) -> None:
    problem(await anonymous.get("/api/v1/products"), 401, "unauthenticated")


async def test_a_real_405_is_what_the_description_says(client: Client) -> None:
    problem(await client.delete("/api/v1/products"), 405, "method-not-allowed")


async def test_a_real_421_is_what_the_page_says(client: Client) -> None:
    problem(await client.get("/api/v1/products", headers={"host": "elsewhere.example"}), 421, "foreign-host")


async def test_every_kind_of_problem_has_a_line_on_the_page(client: Client) -> None:
    page = (await client.get("/docs/problems")).text
    assert {slug for slug in slugs_in_code() if f'<tr id="{slug}">' not in page} == set()


def slugs_in_code() -> set[str]:
    """Every text that is assigned to a name ``slug`` anywhere in the package."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if any(isinstance(target, ast.Name) and target.id == "slug" for target in targets):
                    found.add(str(node.value.value))
    assert {"bad-request", "insufficient_stock", "foreign-host", "already-received"} <= found
    return found


def test_only_the_class_of_an_error_says_its_kind() -> None:
    sources = {path: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
    assert [path.name for path, source in sources.items() if "/docs/problems#" in source] == ["problems.py"]
    assert "/docs/problems#{kind.slug}" in sources[PACKAGE / "web" / "problems.py"]
    assert [path.name for path, source in sources.items() if 'extra={"code"' in source] == []


def test_every_kind_of_problem_says_what_it_means_and_what_to_do() -> None:
    assert [kind.slug for kind in problem_kinds() if not (kind.meaning and kind.advice and kind.title)] == []
