from pathlib import Path

import pytest

from avalon.errors import SettingsError
from avalon.settings import (
    OPTIONS,
    SEED_JWT_SECRET,
    Settings,
    base_url,
    check_exposure,
    load_settings,
    settings_table,
)

NO_DOTENV = Path("/nonexistent/.env")
URL = "postgresql://avalon_app:secret@db.internal:5432/avalon"


def load(dotenv: Path = NO_DOTENV, **environ: str) -> Settings:
    return load_settings(environ, dotenv)


def test_nothing_set_gives_the_defaults():
    settings = load()
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 4000, 1)
    assert settings.database_url is settings.database_owner_url is settings.database_direct_url is None
    assert settings.data_dir == Path(".avalon")
    assert settings.log_file == Path("logs/errors.log")
    assert (settings.admin_username, settings.admin_password, settings.jwt_secret) == ("admin", None, None)
    assert settings.retention_days == 90
    assert settings.cors_origins is None
    assert settings.webhook_allowed_hosts == frozenset()
    assert settings.trusted_proxies == ()


def test_every_field_is_one_option_and_every_option_one_field():
    assert [option.field for option in OPTIONS] == list(Settings.__struct_fields__)


def test_an_empty_value_is_an_unset_one_but_for_the_log_file():
    empty = load(**{option.variable: "" for option in OPTIONS})
    assert empty.log_file is None
    assert (
        load(AVALON_LOG_FILE="logs/errors.log", **dict.fromkeys(["AVALON_PORT", "JWT_SECRET"], "")) == load()
    )


def test_the_owner_and_the_direct_way_are_the_database_where_none_is_given():
    settings = load(DATABASE_URL=URL)
    assert settings.database_owner_url == settings.database_direct_url == URL
    owner = "postgresql://avalon@db.internal/avalon"
    assert load(DATABASE_URL=URL, DATABASE_OWNER_URL=owner).database_owner_url == owner


def test_lists_are_split_and_lowered():
    settings = load(
        AVALON_CORS_ORIGINS="https://Shop.example.org, http://localhost:5173",
        AVALON_WEBHOOK_ALLOWED_HOSTS="Chat.internal:8065,[::1]:9,127.0.0.1:8080",
        AVALON_TRUSTED_PROXIES="10.0.0.0/8 127.0.0.1",
    )
    assert settings.cors_origins == ("https://shop.example.org", "http://localhost:5173")
    assert settings.webhook_allowed_hosts == {"chat.internal:8065", "[::1]:9", "127.0.0.1:8080"}
    assert settings.trusted_proxies == ("10.0.0.0/8", "127.0.0.1/32")


@pytest.mark.parametrize(
    ("given", "link"),
    [
        ({}, "http://127.0.0.1:4000"),
        ({"AVALON_PORT": "4100", "AVALON_HOST": "192.0.2.7"}, "http://192.0.2.7:4100"),
        ({"AVALON_HOST": "0.0.0.0"}, "http://localhost:4000"),
        ({"AVALON_HOST": "::"}, "http://localhost:4000"),
        ({"AVALON_HOST": "::1"}, "http://[::1]:4000"),
        ({"AVALON_HOST": "0.0.0.0", "AVALON_PUBLIC_URL": "https://a.example"}, "https://a.example"),
        ({"AVALON_PORT": "0"}, None),
    ],
    ids=lambda given: "-".join(given.values()) if isinstance(given, dict) else None,
)
def test_a_link_begins_with_the_public_address_or_with_the_one_that_is_listened_on(given, link):
    assert base_url(load(**given)) == link


def test_a_public_url_loses_its_last_slash():
    assert load(AVALON_PUBLIC_URL="https://avalon.example.org/").public_url == "https://avalon.example.org"


@pytest.mark.parametrize(
    ("variable", "value", "hint"),
    [
        ("DATABASE_URL", "mysql://localhost/avalon", "postgresql://"),
        ("DATABASE_URL", URL + "?schema=public", "Prisma"),
        ("DATABASE_OWNER_URL", URL, "needs DATABASE_URL"),
        ("AVALON_PUBLIC_URL", "avalon.example.org", "https://"),
        ("AVALON_PUBLIC_URL", "https://avalon.example.org/errors", "plain address"),
        ("AVALON_PORT", "http", "from 0 to 65535"),
        ("AVALON_PORT", "65536", "from 0 to 65535"),
        ("AVALON_PORT", "٤٠٠٠", "from 0 to 65535"),
        ("AVALON_WORKERS", "0", "from 1 to 64"),
        ("AVALON_RETENTION_DAYS", "-1", "from 0"),
        ("JWT_SECRET", "short", "at least 32"),
        ("JWT_SECRET", SEED_JWT_SECRET, "public"),
        ("DISCORD_WEBHOOK_URL", "discord.com/api/webhooks/1/a", "https://"),
        ("AVALON_CORS_ORIGINS", "https://shop.example.org/", "without a path"),
        ("AVALON_CORS_ORIGINS", "*", "empty means any"),
        ("AVALON_WEBHOOK_ALLOWED_HOSTS", "chat.internal", "host:port"),
        ("AVALON_TRUSTED_PROXIES", "10.0.0.1/8", "10.0.0.0/8"),
        ("SMTP_URL", "mail.example.org", "smtp://"),
    ],
)
def test_what_cannot_work_is_refused_with_its_name_and_a_hint(variable: str, value: str, hint: str):
    with pytest.raises(SettingsError) as refused:
        load(**{variable: value})
    assert str(refused.value).startswith(variable)
    assert hint in str(refused.value)


@pytest.mark.parametrize("option", [option for option in OPTIONS if option.secret])
def test_a_refusal_never_repeats_a_secret(option):
    try:
        load(**{option.variable: "hunter2 hunter2"})
    except SettingsError as refused:
        assert "hunter2" not in str(refused)


def test_the_seeds_password_is_only_for_this_machine():
    for host in ("127.0.0.1", "localhost", "::1", "127.0.0.9"):
        assert load(AVALON_ADMIN_PASSWORD="passwordAdmin", AVALON_HOST=host).admin_password == "passwordAdmin"
    for host in ("0.0.0.0", "::", "192.0.2.7", "avalon.example.org", "localhost.example.org"):
        with pytest.raises(SettingsError, match="AVALON_ADMIN_PASSWORD"):
            load(AVALON_ADMIN_PASSWORD="passwordAdmin", AVALON_HOST=host)
        check_exposure(load(AVALON_ADMIN_PASSWORD="another one", AVALON_HOST=host))


class TestSecretFiles:
    @pytest.mark.parametrize("option", [option for option in OPTIONS if option.secret])
    def test_every_secret_can_come_from_a_file(self, option, tmp_path: Path):
        value = {
            "_url": URL,
            "webhook_url": "https://discord.com/api/webhooks/1/a",
            "smtp_url": "smtp://mail",
        }
        text = next((value[end] for end in reversed(value) if option.field.endswith(end)), "s" * 40)
        (tmp_path / "secret").write_text(text + "\n")
        given = {option.variable + "_FILE": str(tmp_path / "secret")}
        if option.field.startswith("database"):
            given |= {"DATABASE_URL": URL} if option.field != "database_url" else {}
        assert getattr(load(**given), option.field) == text

    def test_a_setting_that_is_no_secret_has_no_twin(self, tmp_path: Path):
        (tmp_path / "port").write_text("5000")
        assert load(AVALON_PORT_FILE=str(tmp_path / "port")).port == 4000

    def test_both_are_refused(self, tmp_path: Path):
        with pytest.raises(SettingsError, match="JWT_SECRET and JWT_SECRET_FILE"):
            load(JWT_SECRET="s" * 40, JWT_SECRET_FILE=str(tmp_path / "secret"))

    def test_a_missing_and_an_empty_file_are_refused_by_name(self, tmp_path: Path):
        with pytest.raises(SettingsError, match=r"JWT_SECRET_FILE: .*No such file"):
            load(JWT_SECRET_FILE=str(tmp_path / "secret"))
        (tmp_path / "secret").write_text("\n")
        with pytest.raises(SettingsError, match=r"JWT_SECRET_FILE: .* is empty"):
            load(JWT_SECRET_FILE=str(tmp_path / "secret"))


class TestDotenv:
    def load(self, tmp_path: Path, text: str, **environ: str) -> Settings:
        (tmp_path / ".env").write_text(text)
        return load(tmp_path / ".env", **environ)

    def test_it_is_read_with_comments_quotes_and_export(self, tmp_path: Path):
        settings = self.load(
            tmp_path,
            "# a comment\n\nexport AVALON_PORT=5000\nAVALON_HOST = '0.0.0.0'  # all\n"
            'AVALON_ADMIN_PASSWORD="with # and space"\nAVALON_WORKERS=2 # two\n'
            "JWT_SECRET=   # none\nnonsense\n",
        )
        assert (settings.port, settings.host, settings.workers) == (5000, "0.0.0.0", 2)
        assert settings.admin_password == "with # and space"
        assert settings.jwt_secret is None

    def test_the_real_environment_comes_first_and_an_empty_value_there_does_not_hide_it(self, tmp_path: Path):
        text = "AVALON_PORT=5000\nAVALON_WORKERS=2\n"
        settings = self.load(tmp_path, text, AVALON_PORT="6000", AVALON_WORKERS="")
        assert (settings.port, settings.workers) == (6000, 2)

    def test_a_file_in_the_environment_comes_before_a_value_in_it(self, tmp_path: Path):
        (tmp_path / "secret").write_text("f" * 40)
        settings = self.load(tmp_path, f"JWT_SECRET={'e' * 40}\n", JWT_SECRET_FILE=str(tmp_path / "secret"))
        assert settings.jwt_secret == "f" * 40

    def test_the_log_file_can_be_switched_off_in_either(self, tmp_path: Path):
        assert self.load(tmp_path, "AVALON_LOG_FILE=\n").log_file is None
        assert self.load(tmp_path, "AVALON_LOG_FILE=a.log\n", AVALON_LOG_FILE="").log_file is None
        assert self.load(tmp_path, "AVALON_LOG_FILE=\n", AVALON_LOG_FILE="a.log").log_file == Path("a.log")

    def test_a_file_that_cannot_be_read_is_refused(self, tmp_path: Path):
        (tmp_path / ".env").write_bytes(b"AVALON_HOST=\xff\n")
        with pytest.raises(SettingsError, match=r"\.env can't be read"):
            load(tmp_path / ".env")


def test_a_slip_in_a_name_is_a_warning_that_names_the_nearest(caplog: pytest.LogCaptureFixture):
    load(AVALON_WORKER="2", AVALON_API_KEY="avl_x", AVALON_ADMIN_PASSWORD_FILE="", PATH="/bin")
    assert [record.message for record in caplog.records] == [
        "AVALON_WORKER is not a setting of this release and does nothing; AVALON_WORKERS is the nearest"
    ]


def test_what_is_shown_of_the_settings_holds_no_secret():
    shown = repr(load(DATABASE_URL=URL, JWT_SECRET="s" * 40, AVALON_PORT="5000"))
    assert "port=5000" in shown
    assert "secret" not in shown
    assert "s" * 40 not in shown


def test_the_table_has_a_row_for_every_option_with_a_sentence():
    rows = settings_table().splitlines()[2 : 2 + len(OPTIONS)]
    for option, row in zip(OPTIONS, rows, strict=True):
        assert row.startswith(f"| `{option.variable}`")
        assert row.count("|") == 4, f"a | in a description breaks the table: {row}"
        assert option.description.endswith("."), option.variable
