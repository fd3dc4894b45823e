from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from inventario.settings import Settings


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
