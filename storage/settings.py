"""The deployment's settings: one typed class, read once; `RATIOCAST_*` variables over a TOML file over defaults.

A secret may also stand in a file: RATIOCAST_PLATFORM_TOKEN_FILE=/run/secrets/token. What is invalid is fatal with a
sentence that names the setting and says what to do.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from domain.errors import BadSettings

PREFIX = "RATIOCAST_"


class Settings(BaseSettings):
    """What an operator may set. Every field is documented in docs/settings.md (a test compares the two)."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    data_dir: Path = Field(Path(".ratiocast"), description="Folder of the ledger, the warehouse, snapshots and models.")
    ledger_url: str = Field(
        "", description="Ledger database URL; empty means SQLite in data_dir, else postgresql://..."
    )
    clock: str = Field("system", description="'system', or the /control/clock URL of a platform double.")
    platform_url: str = Field("", description="Base URL of the childcare platform's API.")
    platform_token: SecretStr = Field(SecretStr(""), description="Read-only bearer token of the platform.")
    platform_write_token: SecretStr = Field(SecretStr(""), description="Token for approved shift changes alone.")
    webhook_secrets: SecretStr = Field(SecretStr(""), description="Webhook secrets (whsec_...), separated by spaces.")
    feed_path: str = Field("", description="Folder or URL of the platform's data feed, with its path template.")
    host: str = Field("127.0.0.1", description="Address the service listens on.")
    port: int = Field(8080, ge=1, le=65535, description="Port the service listens on.")
    public_url: str = Field(
        "", description="Address under which people and vendors reach the service; empty: host:port."
    )
    slack_webhook: SecretStr = Field(SecretStr(""), description="Slack incoming webhook of the usual channel.")
    slack_bot_token: SecretStr = Field(SecretStr(""), description="Bot token (xoxb-...): incidents become threads.")
    slack_channel: str = Field("", description="Id of the usual channel the bot writes to, such as C0123456789.")
    slack_api_url: str = Field("https://slack.com/api/", description="Base URL of Slack's Web API.")
    slack_signing_secret: SecretStr = Field(SecretStr(""), description="Signing secret of the Slack app (buttons).")
    teams_webhook: SecretStr = Field(SecretStr(""), description="Teams workflow address of the usual channel.")
    twilio_account_sid: str = Field("", description="Twilio account that sends text messages.")
    twilio_auth_token: SecretStr = Field(SecretStr(""), description="Twilio auth token; also checks replies.")
    twilio_from: str = Field("", description="Telephone number text messages come from, such as +15550100.")
    twilio_url: str = Field("https://api.twilio.com", description="Base URL of Twilio's API.")
    smtp_url: SecretStr = Field(SecretStr(""), description="Mail server: smtp://user:password@host:587 or smtps://...")
    email_from: str = Field("", description="Sender address of e-mail.")
    store_names: bool = Field(default=False, description="Keep children's display names (never sent to outlets).")
    mode: Literal["shadow", "alerts", "suggestions", "automatic"] = Field(
        "shadow", description="Mode of a center that has not chosen one."
    )
    plan_seconds: float = Field(30.0, ge=0.1, le=3600, description="Most seconds of solver time for a center's week.")
    plan_processes: int = Field(1, ge=1, le=64, description="Centers solved side by side; each takes up to two cores.")
    risk_threshold: float = Field(0.5, gt=0, lt=1, description="Odds from which a predicted gap is worth a warning.")

    @field_validator("clock")
    @classmethod
    def _clock_is_known(cls, value: str) -> str:
        if value != "system" and not value.startswith(("http://", "https://")):
            raise ValueError(
                "must be 'system' or the URL of a double's clock, for example http://127.0.0.1:8900/control/clock"
            )
        return value

    @property
    def ledger_location(self) -> str:
        return self.ledger_url or f"sqlite:///{self.data_dir / 'ledger.sqlite'}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=_toml_file(os.environ))


def load_settings(**overrides: object) -> Settings:
    """The settings in force; overrides (from the command line) win over everything else."""
    return _validated({**_secrets_from_files(os.environ), **overrides})


def origins(environment: Mapping[str, str]) -> dict[str, str]:
    """Where each setting came from: environment, secret file, TOML file or default."""
    file = _toml_file(environment)
    in_file = set(TomlConfigSettingsSource(Settings, toml_file=file)()) if file else set()
    result = {}
    for name in Settings.model_fields:
        variable = PREFIX + name.upper()
        if f"{variable}_FILE" in environment:
            result[name] = f"file {environment[f'{variable}_FILE']}"
        elif variable in environment:
            result[name] = f"environment {variable}"
        else:
            result[name] = f"file {file}" if name in in_file else "default"
    return result


def _validated(values: dict[str, object]) -> Settings:
    try:
        return Settings(**values)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise BadSettings(
            f"the setting '{name}' ({PREFIX}{name.upper()} or {_toml_file(os.environ) or 'ratiocast.toml'}) is wrong: "
            f"{first['msg']}; `ratiocast settings` lists all of them"
        ) from error
    except ValueError as error:
        raise BadSettings(
            f"the file {_toml_file(os.environ)} cannot be read as TOML: {error}; mend or remove it"
        ) from error


def _toml_file(environment: Mapping[str, str]) -> Path | None:
    named = environment.get(f"{PREFIX}CONFIG")
    if named:
        if not Path(named).is_file():
            raise BadSettings(f"{PREFIX}CONFIG names {named}, which is not a file; write it or unset the variable")
        return Path(named)
    usual = Path("ratiocast.toml")
    return usual if usual.is_file() else None


def _secrets_from_files(environment: Mapping[str, str]) -> dict[str, object]:
    result: dict[str, object] = {}
    for name in Settings.model_fields:
        path = environment.get(f"{PREFIX}{name.upper()}_FILE")
        if path:
            try:
                result[name] = Path(path).read_text().strip()
            except OSError as error:
                raise BadSettings(
                    f"{PREFIX}{name.upper()}_FILE names {path}, which cannot be read: {error.strerror}"
                ) from error
    return result
