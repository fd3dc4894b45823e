from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from inventario.settings import Settings
from inventario.stack.configuration import load_settings
from inventario.stack.errors import StackError


def test_a_variable_that_is_empty_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_PORT", "")
    monkeypatch.setenv("DATABASE_URL", "")
    settings = Settings()
    assert (settings.api_port, settings.database_url) == (8080, None)


def test_a_secret_may_come_from_a_file_that_holds_it_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    (tmp_path / "url").write_text("postgresql://somewhere/x\n", encoding="utf-8")
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "url"))
    assert Settings().require_database_url() == "postgresql://somewhere/x"


def test_a_variable_wins_over_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-file", encoding="utf-8")
    monkeypatch.setenv("DASHBOARD_API_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("DASHBOARD_API_KEY", "from-variable")
    key = Settings().dashboard_api_key
    assert key is not None
    assert key.get_secret_value() == "from-variable"


def test_a_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "nothing"))
    with pytest.raises(ValueError, match=r"DATABASE_URL_FILE=.*cannot be read"):
        Settings()


def test_a_missing_database_names_the_variable_and_an_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with pytest.raises(ValueError, match=r"DATABASE_URL is not set.*DATABASE_URL=postgresql://"):
        Settings().require_database_url()


def test_hosts_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", "shop.example, 10.0.0.5 ,")
    assert Settings().allowed_hosts == ("shop.example", "10.0.0.5")


def test_secrets_stay_out_of_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHBOARD_API_KEY", "do-not-tell")
    monkeypatch.setenv("API_PORT", "70000")
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert "do-not-tell" not in str(caught.value)
    monkeypatch.setenv("API_PORT", "8080")
    assert "do-not-tell" not in repr(Settings())


def test_a_level_may_be_written_in_small_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "warning")
    assert Settings().log_level == "WARNING"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("LOG_LEVEL", "chatty", "is none of DEBUG, INFO, WARNING, ERROR, CRITICAL. Set e.g. LOG_LEVEL=INFO."),
        ("API_PORT", "70000", "is above 65535. Set e.g. API_PORT=8080."),
        ("REDIS_PORT", "0", "is below 1. Set e.g. REDIS_PORT=6379."),
        ("DATABASE_POOL_SIZE", "2.5", "is not a whole number. Set e.g. DATABASE_POOL_SIZE=12."),
        ("REQUEST_TIMEOUT", "soon", "is not a number. Set e.g. REQUEST_TIMEOUT=30.0."),
        ("LEDGER_PROOF_INTERVAL", "0", "is not above 0.0. Set e.g. LEDGER_PROOF_INTERVAL=300.0."),
    ],
)
def test_a_wrong_setting_is_told_with_its_value_and_an_example(monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(StackError) as caught:
        load_settings()
    assert str(caught.value) == f"{name}={value} {told}"


def test_all_wrong_settings_are_told_at_once_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHBOARD_API_KEY", "do-not-tell")
    monkeypatch.setenv("API_PORT", "x")
    monkeypatch.setenv("LOG_LEVEL", "y")
    with pytest.raises(StackError, match=r"API_PORT=x .*LOG_LEVEL=y ") as caught:
        load_settings()
    assert "do-not-tell" not in str(caught.value)


def test_every_setting_has_a_valid_example() -> None:
    for name, field in Settings.model_fields.items():
        example = field.examples[0] if field.examples else field.default
        assert example is not None, name
        Settings(**{name: example})
