"""docker-compose.yml, Dockerfile and .env.example, read against the settings: no engine runs them here."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from avalon.environment import read_dotenv
from avalon.settings import OPTIONS, load_settings, settings_table

ROOT = Path(__file__).parents[2]
NO_DOTENV = Path("/nonexistent/.env")
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
EXAMPLE = read_dotenv(ROOT / ".env.example")
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
OURS = {option.variable for option in OPTIONS}
DATABASE_CONTAINERS = {"POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB", "POSTGRES_APP_PASSWORD"}


def interpolated(text: str) -> str:
    """A value of docker-compose.yml as Compose makes it with an unedited `.env`."""
    return re.sub(r"\$\{(\w+)(?::\?[^}]*)?\}", lambda found: EXAMPLE[found[1]], text).replace("$$", "$")


def collector_environment() -> dict[str, str]:
    own = COMPOSE["services"]["collector"]["environment"]
    image = dict(re.findall(r"^ENV (AVALON_\w+)=(.*)$", DOCKERFILE, re.MULTILINE))
    return image | EXAMPLE | {name: interpolated(value) for name, value in own.items()}


class TestEnvExample:
    def test_it_names_every_setting_once_and_no_other(self):
        names = re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
        assert sorted(names) == sorted(OURS | DATABASE_CONTAINERS)

    def test_it_says_something_about_every_setting(self):
        text = (ROOT / ".env.example").read_text()
        for paragraph in text.split("\n\n"):
            if re.search(r"^[A-Z_]+=", paragraph, re.MULTILINE):
                assert paragraph.startswith("# "), paragraph

    def test_it_explains_what_became_of_the_originals(self):
        text = (ROOT / ".env.example").read_text()
        for name in (
            "POSTGRES_USER",
            "POSTGRES_PASSWORD",
            "POSTGRES_DB",
            "NUXT_PUBLIC_API_BASE",
            "passwordAdmin",
        ):
            assert name in re.sub(r"^[A-Z_]+=.*$", "", text, flags=re.MULTILINE)

    def test_unedited_it_changes_nothing_for_the_service_on_its_own(self):
        assert load_settings({}, ROOT / ".env.example") == load_settings({}, NO_DOTENV)

    def test_it_holds_no_password_that_opens_a_published_door(self):
        assert EXAMPLE["AVALON_ADMIN_PASSWORD"] == EXAMPLE["JWT_SECRET"] == ""
        published = {name for name, service in COMPOSE["services"].items() if "ports" in service}
        assert published == {"frontend"}


class TestCompose:
    def test_it_has_three_services_and_only_the_frontend_is_published(self):
        services = COMPOSE["services"]
        assert set(services) == {"postgres", "collector", "frontend"}
        assert services["frontend"]["ports"] == ["4000:4000", "3000:3000"]
        assert services["collector"]["deploy"]["replicas"] == 2
        assert not {"network_mode", "privileged"} & {key for service in services.values() for key in service}

    def test_unedited_the_collectors_environment_is_a_set_of_settings_that_works(
        self, caplog: pytest.LogCaptureFixture
    ):
        settings = load_settings(collector_environment(), NO_DOTENV)
        assert settings.host == "0.0.0.0"
        assert settings.port == 4000
        assert settings.database_url == "postgresql://avalon_app:avalon_app_password@postgres:5432/avalon"
        assert settings.database_owner_url == "postgresql://avalon:avalon_password@postgres:5432/avalon"
        assert settings.log_file == Path("logs/errors.log")
        assert "172.16.0.0/12" in settings.trusted_proxies
        assert caplog.records == []

    def test_it_sets_only_what_is_a_setting(self):
        assert set(COMPOSE["services"]["collector"]["environment"]) <= OURS

    def test_the_originals_own_database_url_in_a_dotenv_does_not_win(self):
        """Compose's `environment` comes before its `env_file`, and so does `ours` here."""
        assert "DATABASE_URL" in COMPOSE["services"]["collector"]["environment"]

    def test_every_variable_it_reads_has_a_value_in_the_example(self):
        read = re.findall(r"(?<!\$)\$\{(\w+)", (ROOT / "docker-compose.yml").read_text())
        assert set(read) == DATABASE_CONTAINERS
        assert all(EXAMPLE[name] for name in read)

    def test_images_are_pinned_and_volumes_and_configs_exist(self):
        for service in COMPOSE["services"].values():
            if "image" in service:
                assert re.fullmatch(r"[\w/-]+:\d[\w.-]*", service["image"])
            for volume in service.get("volumes", []):
                assert volume.split(":")[0] in COMPOSE["volumes"]
            for config in service.get("configs", []):
                assert config["source"] in COMPOSE["configs"]

    def test_the_logs_volume_is_where_the_image_writes_its_log_file(self):
        workdir = re.findall(r"^WORKDIR (.*)$", DOCKERFILE, re.MULTILINE)[-1]
        folder = Path(workdir) / load_settings(collector_environment(), NO_DOTENV).log_file.parent
        assert f"logs:{folder}" in COMPOSE["services"]["collector"]["volumes"]
        assert f" {folder}" in DOCKERFILE, "the image makes it, so that the volume is its user's"


class TestLoadBalancer:
    config = interpolated(COMPOSE["configs"]["haproxy"]["content"])

    def test_it_listens_where_it_is_published_and_asks_for_readiness(self):
        assert re.findall(r"^\s*bind :(\d+)$", self.config, re.MULTILINE) == ["4000", "3000"]
        assert "uri /health/ready" in self.config
        assert "collector:4000 check" in self.config

    def test_it_answers_in_our_shape_when_no_replica_is_ready(self):
        answer = json.loads(re.search(r"string '(.*)' hdr Retry-After 1", self.config)[1])
        assert answer == {
            "status": "error",
            "code": "unavailable",
            "message": "No replica is ready; try again later.",
        }

    @pytest.mark.skipif(not shutil.which("haproxy"), reason="haproxy is not installed")
    def test_haproxy_itself_takes_the_configuration(self, tmp_path: Path):
        (tmp_path / "haproxy.cfg").write_text(self.config)
        done = subprocess.run(
            ["haproxy", "-c", "-f", tmp_path / "haproxy.cfg"], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


class TestDockerfile:
    final = DOCKERFILE.split("\nFROM ")[-1]

    def test_the_service_does_not_run_as_root(self):
        assert re.findall(r"^USER (\S+)$", self.final, re.MULTILINE) == ["avalon"]

    def test_its_health_is_the_services_readiness(self):
        assert re.search(r"^HEALTHCHECK .*CMD \[.*/health/ready", self.final, re.MULTILINE)

    def test_it_copies_only_what_exists_and_what_the_wheel_is_made_of(self):
        copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
        sources = [source for line in copied for source in line.split()]
        assert all((ROOT / source).exists() for source in sources), sources
        assert {"avalon", "sql", "static", "pyproject.toml"} <= set(sources)

    def test_it_installs_only_what_the_lock_names(self):
        for command in re.findall(r"pip install ([^&\n]*)", DOCKERFILE):
            assert "--require-hashes" in command or "--no-deps --no-build-isolation" in command

    def test_its_variables_are_settings(self):
        assert set(re.findall(r"^ENV (AVALON_\w+)=", DOCKERFILE, re.MULTILINE)) <= OURS

    def test_it_starts_the_service(self):
        assert self.final.rstrip().endswith('CMD ["avalon", "serve"]')


@pytest.mark.skipif(not (ROOT / "README.md").exists(), reason="no README yet")
def test_the_readmes_table_of_settings_is_the_tables():
    assert settings_table() in (ROOT / "README.md").read_text()
