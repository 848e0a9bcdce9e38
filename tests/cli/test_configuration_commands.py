"""The commands that need no executive: run (as far as it reads its configuration), check, keygen."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from openais.cli.demo_relay import free_ports
from openais.cli.exits import ExitCode
from openais.config.table import KEYS
from tests.cli.conftest import openais


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    path = tmp_path / "openais.conf"
    path.write_text("totem {\n    authkey: key\n}\n")
    assert openais("keygen", tmp_path / "key").exit_code == ExitCode.OK
    return path


def test_every_key_is_a_flag_of_run() -> None:
    words = openais("run", "--help").stdout.split()
    assert [key.flag for key in KEYS if key.flag not in words] == []


def test_run_does_not_start_on_mistakes_and_tells_all_of_them(configuration: Path) -> None:
    configuration.write_text("totem {\n    tokne: 5\n    netmtu: x\n}\n")
    told = openais("run", "--config", configuration, "--metrics", "nowhere", "--debug")
    assert told.exit_code == ExitCode.USAGE
    assert told.stderr.splitlines() == [
        "openais: error: the configuration has mistakes:",
        f"{configuration}:2: unknown key 'tokne' in section 'totem', did you mean 'token'?",
        f"{configuration}:3: netmtu: 'x' is not a whole number; expected a whole number from 0 to 65535 (bytes)",
        "--metrics: metrics: 'nowhere' has no port; expected host:port or [IPv6]:port, or nothing",
    ]


def test_a_flag_without_its_value_is_a_mistake_of_usage() -> None:
    told = openais("run", "--token")
    assert told.exit_code == ExitCode.USAGE
    assert "'--token' requires an argument" in told.stderr


def test_run_does_not_start_without_its_key_and_says_how_to_get_one(tmp_path: Path) -> None:
    flags: list[str | Path] = [
        "--authkey",
        tmp_path / "none",
        "--statedir",
        tmp_path,
        "--socket",
        tmp_path / "s",
        "--mcastport",
        str(free_ports(1)[0]),
    ]
    told = openais("run", *flags)
    assert told.exit_code == ExitCode.FAILED
    assert "openais keygen" in told.stderr


def test_check_says_that_a_right_configuration_is_right(configuration: Path) -> None:
    told = openais("check", configuration)
    assert (told.exit_code, told.stdout) == (ExitCode.OK, f"{configuration}: ok\n")


def test_check_tells_every_mistake_with_its_place(configuration: Path) -> None:
    configuration.write_text("totem {\n    token: soon\n}\nnetwrk {\n}\n")
    told = openais("check", configuration)
    assert told.exit_code == ExitCode.USAGE
    assert told.stdout.splitlines() == [
        f"{configuration}:2: token: 'soon' is not a whole number; expected a whole number from 20 to 60000 (ms)",
        f"{configuration}:4: unknown section 'netwrk', did you mean 'network'?; expected one of network, logging, "
        "totem, ipc, ckpt, amf",
        f"{configuration}: 2 mistakes",
    ]


def test_check_prints_warnings_and_still_says_ok(configuration: Path) -> None:
    configuration.write_text("totem {\n    secauth: off\n}\n")
    told = openais("check", configuration)
    assert told.exit_code == ExitCode.OK
    assert told.stdout.startswith(f"warning: {configuration}:2: secauth is off")


def test_check_looks_for_the_key_unless_told_to_check_the_text_alone(configuration: Path) -> None:
    (configuration.parent / "key").unlink()
    told = openais("check", configuration)
    assert told.exit_code == ExitCode.USAGE
    assert f"{configuration}:2: {configuration.parent}/key: the authkey cannot be read" in told.stdout
    assert openais("check", "--text-only", configuration).exit_code == ExitCode.OK


def test_check_refuses_a_key_that_others_may_read(configuration: Path) -> None:
    (configuration.parent / "key").chmod(0o644)
    told = openais("check", configuration)
    assert told.exit_code == ExitCode.USAGE
    assert "others than the owner may use it (mode 644)" in told.stdout


def test_check_finds_an_address_that_is_not_of_this_machine(configuration: Path) -> None:
    configuration.write_text("network {\n    bindnetaddr: 203.0.113.9\n    mcastaddr: 226.94.1.1\n}\n")
    told = openais("check", configuration, environment={"OPENAIS_TOTEM_SECAUTH": "off"})
    assert told.exit_code == ExitCode.USAGE
    assert f"{configuration}:2: bindnetaddr: no interface has the address or the network 203.0.113.9" in told.stdout


def test_check_shows_every_key_with_its_value_and_where_it_comes_from(configuration: Path) -> None:
    told = openais("check", "--show", configuration, environment={"OPENAIS_TOTEM_TOKEN": "400"})
    lines = {words[0]: words[1:] for words in map(str.split, told.stdout.splitlines()) if words}
    assert lines["totem.token"] == ["400", "OPENAIS_TOTEM_TOKEN"]
    assert lines["totem.authkey"] == [f"{configuration.parent}/key", f"{configuration}:2"]
    assert lines["totem.secauth"] == ["on", "default"]
    assert {key.path for key in KEYS} <= set(lines)


def test_check_tells_programs_in_json(configuration: Path) -> None:
    configuration.write_text("totem {\n    token: soon\n}\n")
    told = json.loads(openais("check", "--json", configuration).stdout)
    assert told["ok"] is False
    assert [(problem["file"], problem["line"]) for problem in told["problems"]] == [(str(configuration), 2)]
    assert told["problems"][0]["expected"] == "a whole number from 20 to 60000 (ms)"


def test_keygen_makes_a_key_that_only_its_owner_may_read(tmp_path: Path) -> None:
    told = openais("keygen", tmp_path / "new" / "key")
    assert told.exit_code == ExitCode.OK
    assert str(tmp_path / "new" / "key") in told.stdout
    assert (tmp_path / "new" / "key").stat().st_mode & 0o777 == 0o600


def test_keygen_never_replaces_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("precious")
    told = openais("keygen", tmp_path / "key")
    assert told.exit_code == ExitCode.FAILED
    assert "there is a file already" in told.stderr
    assert (tmp_path / "key").read_text() == "precious"


def test_keygen_writes_to_standard_output_when_told_so() -> None:
    first, second = openais("keygen", "-").stdout, openais("keygen", "-").stdout
    assert len(bytes.fromhex(first.strip())) == len(bytes.fromhex(second.strip())) == 32
    assert first != second


def test_keygen_says_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    told = openais("keygen", tmp_path / "file" / "key")
    assert told.exit_code == ExitCode.FAILED
    assert f"{tmp_path}/file/key" in told.stderr


def test_the_default_key_is_where_the_environment_says(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("the default key of root is not one to try things with")
    assert openais("keygen", environment={"XDG_CONFIG_HOME": str(tmp_path)}).exit_code == ExitCode.OK
    assert (tmp_path / "openais" / "authkey").exists()
