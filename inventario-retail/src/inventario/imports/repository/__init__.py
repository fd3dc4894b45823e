"""SQL of imports."""

from inventario.imports.repository.checks import check_movements, check_products, movement_difference
from inventario.imports.repository.records import (
    clear_staging,
    create,
    errors,
    find_applied,
    find_unfinished,
    get,
    give_up_applying,
    is_locked,
    newest,
    purge,
    try_lock,
    unlock,
    update,
    zones,
)
from inventario.imports.repository.staging import analyse, analyse_shop, prepare_long_work, stage

__all__ = [
    "analyse",
    "analyse_shop",
    "check_movements",
    "check_products",
    "clear_staging",
    "create",
    "errors",
    "find_applied",
    "find_unfinished",
    "get",
    "give_up_applying",
    "is_locked",
    "movement_difference",
    "newest",
    "prepare_long_work",
    "purge",
    "stage",
    "try_lock",
    "unlock",
    "update",
    "zones",
]
