"""What FastAPI cannot know about our API: that every error is a problem document, and how one shows who one is."""

from __future__ import annotations

from typing import Any

from inventario.errors import ProblemDocument

__all__ = ["complete"]

_OPEN = {"/livez", "/readyz"}
_NEVER_SENT = ("HTTPValidationError", "ValidationError")
_SCHEMES = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "`inventario key create` makes a key."},
    "Bearer": {"type": "http", "scheme": "bearer", "description": "The same key as `Authorization: Bearer`."},
}
_PROBLEM = {
    "description": "A problem document (RFC 9457); `/docs/problems` explains every kind.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
}


def complete(description: dict[str, Any]) -> dict[str, Any]:
    """Correct *description*, an OpenAPI document as FastAPI makes it, in place, and return it."""
    components = description["components"]
    for path, operations in description["paths"].items():
        for operation in operations.values():
            _tell_problems(operation["responses"])
            components["schemas"] |= _taken_definitions(operation)
            if path in _OPEN:
                operation["security"] = []
    for name in _NEVER_SENT:
        components["schemas"].pop(name, None)
    components["schemas"] |= _problem_schemas()
    components["responses"] = {"Problem": _PROBLEM}
    components["securitySchemes"] = _SCHEMES
    description["security"] = [{name: []} for name in _SCHEMES]
    return description


def _tell_problems(responses: dict[str, Any]) -> None:
    schema = responses.get("422", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if schema.get("$ref", "").endswith("/HTTPValidationError"):
        del responses["422"]
    responses["default"] = {"$ref": "#/components/responses/Problem"}


def _taken_definitions(operation: dict[str, Any]) -> dict[str, Any]:
    # A body that a route describes by itself brings the definitions along that it refers to among the components.
    bodies = operation.get("requestBody", {}).get("content", {}).values()
    return {name: schema for body in bodies for name, schema in body["schema"].pop("$defs", {}).items()}


def _problem_schemas() -> dict[str, Any]:
    schema = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    nested = schema.pop("$defs", {})
    return {**nested, "ProblemDocument": schema}
