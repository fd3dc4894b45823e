"""Every setting once: typed, and named after its environment variable.

A secret ``NAME`` may also come from the file that ``NAME_FILE`` names.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

__all__ = ["Settings"]

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
# For the servers that are started and watched before anything is kept on them.
_UNUSED = "The dashboard itself does not use it yet; `inventario status` looks at the server."


class _SecretFiles(PydanticBaseSettingsSource):
    """Reads ``NAME_FILE`` for every secret ``NAME``, as container platforms hand secrets over."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{field_name.upper()}_FILE")
        if path is None or "SecretStr" not in str(field.annotation):
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except OSError as error:
            raise ValueError(
                f"{field_name.upper()}_FILE={path} cannot be read: {error.strerror}. Name a file that holds the secret alone."
            ) from error
        except UnicodeDecodeError as error:
            raise ValueError(f"{field_name.upper()}_FILE={path} is not text. Name a file that holds the secret alone.") from error

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


class Settings(BaseSettings):
    """The service's settings. A field ``api_port`` is the variable ``API_PORT``; the description is what the documentation shows."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, env_ignore_empty=True)

    inventario_data: Path = Field(Path("var"), description="Directory of everything the shop keeps on this machine.")
    api_port: int = Field(8080, ge=0, le=65535, description="Port of the dashboard and the API; 0 takes a free one.")
    database_url: SecretStr | None = Field(
        None,
        examples=["postgresql://user:password@localhost:5432/inventario"],
        description="PostgreSQL 15 or later, e.g. `postgresql://user:password@host:5432/name`. Not set: `inventario up` starts one of its own.",
    )
    redis_host: str | None = Field(
        None,
        examples=["localhost"],
        description=f"Redis 7 or Valkey. Not set: `inventario up` starts one of its own; set: it starts none. {_UNUSED}",
    )
    redis_port: int = Field(6379, ge=1, le=65535, description=f"Its port. {_UNUSED}")
    redis_password: SecretStr | None = Field(None, examples=["a-password"], description=f"Its password, where it has one. {_UNUSED}")
    s3_endpoint_url: str | None = Field(
        None,
        examples=["http://localhost:4566"],
        description=f"S3 endpoint, e.g. `http://localhost:4566`. Not set: `inventario up` starts one of its own; set: it starts none. {_UNUSED}",
    )
    s3_bucket_name: str = Field(
        "inventario-retail-bucket", description=f"Bucket for files. `inventario up` makes it on a server of its own. {_UNUSED}"
    )
    aws_access_key_id: SecretStr | None = Field(None, examples=["a-key"], description=f"Key of the bucket. {_UNUSED}")
    aws_secret_access_key: SecretStr | None = Field(None, examples=["a-secret"], description=f"Secret of the bucket. {_UNUSED}")
    dashboard_api_key: SecretStr | None = Field(
        None, examples=["a-long-random-text"], description="An API key that always works, with all scopes, even while the database is down."
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        ("localhost", "127.0.0.1", "[::1]"), description="Names the dashboard answers to, separated by commas; any other `Host` is refused."
    )
    database_pool_size: int = Field(12, ge=2, le=20, description="Connections to PostgreSQL that one process holds at most.")
    request_timeout: float = Field(30.0, gt=0, description="Seconds that PostgreSQL may spend on one statement of a request.")
    ledger_proof_interval: float = Field(300.0, gt=0, description="Seconds between two runs of the standing proof of the ledger.")
    log_level: str = Field("INFO", description=f"Least important level that is logged: {', '.join(_LEVELS)}.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then variables, then secret files. No `.env` is read: whoever starts the process says what it gets."""
        return init_settings, env_settings, _SecretFiles(settings_cls)

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("log_level")
    @classmethod
    def _check_level(cls, value: str) -> str:
        if value.upper() not in _LEVELS:
            raise ValueError(f"is none of {', '.join(_LEVELS)}")
        return value.upper()

    def require_database_url(self) -> str:
        """Return the database's address.

        Raises:
            ValueError: It is not set; the text gives a valid example.
        """
        if self.database_url is None:
            raise ValueError(
                "DATABASE_URL is not set. Give the address of a PostgreSQL 15 or later, e.g. DATABASE_URL=postgresql://user:password@localhost:5432/inventario, "
                "or run `inventario up`, which starts one."
            )
        return self.database_url.get_secret_value()
