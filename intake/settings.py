"""What an operator can set: one typed object, from the environment and an optional file.

`DESKBELL_<NAME>` in the environment wins over `deskbell.toml` in the working folder, which wins
over the defaults below. A wrong value or an unknown name ends the start with one clear line.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

PREFIX = "DESKBELL_"
# Read by the tests and the benches, not by the desk.
ELSEWHERE = {"TEST_POSTGRES", "REQUIRE_POSTGRES", "CORPUS", "FAULTS", "CONFIG"}

# As far as the last @: a password that was not quoted may hold one, or a slash.
_PASSWORD = re.compile(r"(://[^:/?#@]*:).*@")
_PASSWORD_OPTION = re.compile(r"([?&]password=)[^&#]*")


class WrongSettings(Exception):
    """The settings cannot be used; the text is one line that says which and why."""


Inherited = Literal[
    "customer",
    "product",
    "contract",
    "priority",
    "severity",
    "type",
    "topic",
    "tags",
    "queue",
    "owner",
]
INHERITED_BY_DEFAULT: tuple[Inherited, ...] = (
    *("customer", "product", "contract", "priority", "severity"),
    *("type", "topic", "tags", "queue"),
)
Port = Annotated[int, Field(ge=0, le=65535)]


class Settings(BaseSettings):
    """Everything that can be set. Sizes are in bytes, spans in seconds unless the name says so."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, toml_file="deskbell.toml", extra="forbid", frozen=True
    )

    data_dir: Path = Field(
        Path("var"), description="Where the embedded database and the outbox live."
    )
    database_url: str = Field(
        "",
        description="Empty: SQLite in data_dir. Else postgresql://… or sqlite:////absolute/path.db",
    )
    unsafe_durability: bool = Field(
        False, description="Start even when the database may lose what we said yes to."
    )
    organisation: str = Field("Contoso Support", description="The name customers see.")
    noun: str = Field(
        "case",
        pattern="^(case|ticket|incident|request)$",
        description="What a case is called in all texts: case, ticket, incident or request.",
    )
    time_zone: str = Field("UTC", description="The organisation's zone, for dates without one.")
    secret_key: SecretStr | None = Field(
        None, description="Signs reply addresses and sign-in links. Empty: kept in data_dir/secret."
    )

    smtp_host: str = Field("127.0.0.1", description="Where mail is taken: the address …")
    smtp_port: Port = Field(2525, description="… and the port.")
    smtp_name: str = Field("desk", description="The host name the SMTP door greets with.")
    smtp_tls_certificate: Path | None = Field(None, description="PEM file; offers STARTTLS.")
    smtp_tls_key: Path | None = Field(None, description="Its key, when not in the same file.")
    smtp_connections: int = Field(500, ge=1, description="Connections at once, in all.")
    smtp_connections_per_peer: int = Field(20, ge=1, description="… and from one address.")
    message_bytes: int = Field(
        26_214_400, ge=65_536, description="The largest message that is taken."
    )
    reserve_bytes: int = Field(
        500_000_000, ge=0, description="Below this free space doors answer “later”."
    )

    public_host: str = Field("127.0.0.1", description="Forms and chat: the address …")
    public_port: Port = Field(8000, description="… and the port.")
    office_host: str = Field("127.0.0.1", description="Console and GraphQL: the address …")
    office_port: Port = Field(8001, description="… and the port.")
    base_url: str = Field(
        default_factory=lambda known: f"http://127.0.0.1:{known.get('office_port')}",
        description="Where agents reach the console; office_port of this machine unless set.",
    )
    public_url: str = Field(
        default_factory=lambda known: f"http://127.0.0.1:{known.get('public_port')}",
        description="Where customers reach forms and chat; public_port of this machine unless set.",
    )
    trusted_proxies: tuple[str, ...] = Field(
        (), description="Addresses of proxies whose X-Forwarded-For is believed; nobody else's is."
    )
    chat_origins: tuple[str, ...] = Field(
        (), description="Web sites that may embed the chat, beside public_url itself."
    )

    outgoing_smtp: str = Field(
        "",
        description="smtp://host:25, smtp+starttls://user@host:587, smtps://user@host:465, or "
        "empty: mails are written to data_dir/outbox as files.",
    )
    outgoing_smtp_password: SecretStr | None = Field(None, description="For the user named there.")

    imap_url: str = Field("", description="imaps://user@host/INBOX, fetched into imap_mailbox.")
    imap_password: SecretStr | None = Field(None, description="For the user named there.")
    imap_mailbox: str = Field("", description="The queue address that fetched mail belongs to.")

    contract_prefix: str = Field(
        "CNR", pattern="^[A-Z][A-Z0-9]{1,9}$", description="How contract numbers begin: CNR-1001-…"
    )
    phone_region: str = Field(
        "ES", pattern="^[A-Z]{2}$", description="The country of numbers that name none (ISO 3166)."
    )

    slack_bot_token: SecretStr | None = Field(None, description="Connects a workspace (xoxb-…).")
    slack_signing_secret: SecretStr | None = Field(None, description="For events over HTTP.")
    slack_app_token: SecretStr | None = Field(None, description="For Socket Mode instead of HTTP.")
    slack_team: str = Field("", description="Only this workspace's people may act (T…).")
    slack_api_url: str = Field("https://slack.com/api/", description="Where Slack answers.")

    webhook_hosts: tuple[str, ...] = Field(
        (),
        description="Hosts of your own network that webhooks may call and calendars be fetched "
        "from, also over http; all others must be public, over https.",
    )

    acknowledgements_per_hour: int = Field(500, ge=0, description="Automatic mails, in all.")
    apply_entitlement_on_creation: bool = Field(
        True, description="Put the customer's entitlement on a new case; else somebody chooses."
    )
    apply_entitlement_on_change: bool = Field(
        True, description="Choose again when a case's customer, product or channel changes."
    )
    child_inherits: tuple[Inherited, ...] = Field(
        INHERITED_BY_DEFAULT,
        description="What a child case begins with, of its parent's; owner is possible too.",
    )
    children_close: Literal["independent", "with parent", "before parent"] = Field(
        "independent",
        description="How child cases are closed: independent, with parent or before parent.",
    )
    children_most: int = Field(100, ge=1, le=1000, description="Children a case may have.")
    keep_filtered_days: int = Field(
        0, ge=0, description="Days until the bytes of mail that was set aside go; 0: for ever."
    )
    keep_closed_mail_days: int = Field(
        0, ge=0, description="Days after closing until a case's raw mail goes, but for its files."
    )
    keep_sent_days: int = Field(
        0, ge=0, description="Days until what was sent by mail is left to its case's story alone."
    )
    keep_calls_days: int = Field(
        0,
        ge=0,
        description="Days until what webhooks said and were answered goes; their events stay.",
    )
    parser_children: int = Field(1, ge=1, le=16, description="Killable children that parse.")
    log_format: str = Field("text", pattern="^(text|json)$", description="text or json.")
    log_level: str = Field(
        "info",
        pattern="^(debug|info|warning|error)$",
        description="The least that is logged: debug, info, warning or error.",
    )

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"there is no time zone {zone!r}; try Europe/Madrid or UTC") from error
        return zone

    @field_validator("base_url", "public_url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return url.rstrip("/")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = Path(os.environ.get(PREFIX + "CONFIG", "deskbell.toml"))
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, file)

    @property
    def database(self) -> str:
        """The database's URL in force; the embedded default when none is set."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'desk.db').absolute()}"

    @property
    def outgoing(self) -> str:
        """Where mail goes, as a URL; files in the outbox when no server is set."""
        return self.outgoing_smtp or f"file://{(self.data_dir / 'outbox').absolute()}"

    def shown(self, name: str) -> str:
        """The value of that setting, fit to be read by anybody: no secret, no password in a URL."""
        return without_password(str(getattr(self, name)))

    @property
    def slack(self) -> bool:
        """Whether a Slack workspace is connected."""
        return self.slack_bot_token is not None


def without_password(url: str) -> str:
    """The URL with its password hidden, whether it stands before the host or among the options."""
    return _PASSWORD_OPTION.sub(r"\1***", _PASSWORD.sub(r"\1***@", url))


def load(**overrides: Any) -> Settings:
    """The settings in force. Raises WrongSettings with one line per mistake."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    known |= {PREFIX + name for name in ELSEWHERE}
    strays = sorted(n for n in os.environ if n.startswith(PREFIX) and n.upper() not in known)
    if strays:
        raise WrongSettings(
            f"{strays[0]} is not a setting; `deskbell settings` lists those that are"
        )
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "settings"
        raise WrongSettings(f"{name}: {first['msg'].removeprefix('Value error, ')}") from error
    except ValueError as error:  # a deskbell.toml that is not TOML
        raise WrongSettings(f"deskbell.toml: {error}") from error
