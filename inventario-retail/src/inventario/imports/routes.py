"""JSON API of imports."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError

from inventario.errors import Invalid
from inventario.imports.forms import ImportForm
from inventario.imports.schemas import Import, ImportPage
from inventario.imports.uploads import receive
from inventario.paging import DEFAULT_LIMIT, MAX_LIMIT
from inventario.web.problems import field_problems
from inventario.web.services import principal, services

__all__ = ["router", "take_form"]

router = APIRouter(tags=["imports"])

# Long enough for most files, and short enough for a phone; what takes longer goes on by itself.
_WITHIN = 20.0
_FORM = ImportForm.model_json_schema(ref_template="#/components/schemas/{model}")
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "$defs": _FORM["$defs"],
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary", "description": "CSV or XLSX, 256 MB at most."},
                        **_FORM["properties"],
                    },
                }
            }
        },
    }
}
_LATER: dict[int | str, dict[str, Any]] = {202: {"model": Import, "description": "Still under way; `Location` shows how far it is."}}
_DRY: dict[int | str, dict[str, Any]] = {200: {"model": Import, "description": "A dry run: nothing was changed."}}
Again = Annotated[bool, Query(description="Also where the same content was applied before.")]


async def take_form(request: Request) -> tuple[ImportForm, dict[str, Any]]:
    """Take a form with a file: what it says, and the arguments ``path`` and ``file_name`` of the service.

    Raises:
        Invalid: A field is wrong, or there is no file. Nothing is left on the disk.
    """
    directory = services(request).settings.inventario_data / "uploads"
    upload = await receive(request.stream(), request.headers.get("content-type", ""), directory)
    try:
        form = ImportForm.model_validate({name: value for name, value in upload.fields.items() if value != ""})
    except ValidationError as error:
        upload.path.unlink(missing_ok=True)
        problems = field_problems(error.errors())
        raise Invalid(f"{len(problems)} field(s) to correct; nothing was imported.", errors=problems) from error
    return form, {"path": upload.path, "file_name": upload.file_name}


@router.post("/imports", status_code=201, responses=_DRY | _LATER, openapi_extra=_BODY)
async def import_file(request: Request, response: Response) -> Import:
    """Import a file of products or movements, or show with `dry_run` what that would change.

    200: a dry run, with all errors. 201: applied. 202: still under way after 20 s; `Location` shows how far it is.
    422 `import-failed`: the file has errors, all of them in the answer, and nothing was changed. 409 `already-imported`: give `again=true`.
    A file whose import was cut off is gone on with when it is sent again.
    """
    form, file = await take_form(request)
    found = await services(request).imports.run_in_background(
        **file, options=form.options(), actor=principal(request).name, dry_run=form.dry_run, again=form.again, within=_WITHIN
    )
    return _answered(response, found, done=200 if form.dry_run else 201)


@router.get("/imports")
async def list_imports(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(max_length=4000, description="`next` of the page before.")] = None,
) -> ImportPage:
    """List imports, newest first."""
    return await services(request).imports.list_imports(limit=limit, cursor=cursor)


@router.get("/imports/{import_id}")
async def get_import(request: Request, import_id: UUID) -> Import:
    """Return an import: how far it is, what it changes, and the first 1,000 of its errors."""
    return await services(request).imports.get(import_id)


@router.post("/imports/{import_id}:apply", status_code=201, responses=_LATER)
async def apply_import(request: Request, response: Response, import_id: UUID, again: Again = False) -> Import:
    """Apply what a dry run has read, without sending or reading it again. 202: still under way after 20 s."""
    found = await services(request).imports.apply_in_background(import_id, actor=principal(request).name, again=again, within=_WITHIN)
    return _answered(response, found, done=201)


@router.post("/imports/{import_id}:reverse", status_code=200, responses=_LATER)
async def reverse_import(request: Request, response: Response, import_id: UUID) -> Import:
    """Take an import back as one. 202: still under way after 20 s."""
    found = await services(request).imports.reverse_in_background(import_id, actor=principal(request).name, within=_WITHIN)
    return _answered(response, found, done=200)


def _answered(response: Response, found: Import, *, done: int) -> Import:
    response.headers["Location"] = f"/api/v1/imports/{found.id}"
    response.status_code = 202 if found.progress.running else done
    return found
