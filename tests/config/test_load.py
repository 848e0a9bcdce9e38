"""From file, variables and flags to settings: who wins, and that every mistake is told."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from openais.config.load import Examination, examine, load_settings
from openais.config.problems import ConfigurationError
from openais.config.settings import NODES_MAX, Settings
from openais.config.values import HostPort


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "openais.conf"


def write(file: Path, text: str) -> Path:
    file.write_text(textwrap.dedent(text))
    return file


def look(
    file: Path, text: str = "", environment: Mapping[str, str] | None = None, flags: Mapping[str, str] | None = None
) -> Examination:
    return examine(write(file, text), environment or {}, flags or {})


def reports(examination: Examination) -> list[str]:
    """The problems, without the folder of the file."""
    folder = f"{examination.file.parent}/" if examination.file else ""
    return [str(problem).removeprefix(folder) for problem in examination.problems]


def cautions(examination: Examination) -> list[str]:
    folder = f"{examination.file.parent}/" if examination.file else ""
    assert examination.problems == []
    return [str(warning).removeprefix(folder) for warning in examination.warnings]


def test_an_empty_file_gives_the_defaults_without_a_warning(file: Path) -> None:
    settings = load_settings(write(file, ""), {"HOME": "/nowhere"}, {})
    assert settings.network == Settings().network
    assert settings.totem.token == 500
    assert settings.transport == "unicast"
    assert settings.warnings == ()
    assert settings.file == file


def test_a_flag_wins_over_a_variable_and_that_over_the_file(file: Path) -> None:
    text = "totem {\n token: 300\n netmtu: 9000\n cluster: a\n}"
    variables = {"OPENAIS_TOTEM_TOKEN": "400", "OPENAIS_TOTEM_NETMTU": "8000"}
    settings = load_settings(write(file, text), variables, {"totem.token": "600"})
    assert (settings.totem.token, settings.totem.netmtu, settings.totem.cluster) == (600, 8000, "a")


def test_the_file_is_found_by_its_variable(file: Path) -> None:
    write(file, "totem {\n token: 300\n}")
    assert load_settings(None, {"OPENAIS_CONF": str(file)}, {}).totem.token == 300


def test_a_file_that_is_named_and_not_there_is_a_mistake(file: Path) -> None:
    assert reports(examine(file, {}, {})) == [
        "openais.conf: cannot be read: No such file or directory; expected a readable configuration file"
    ]


def test_relative_paths_start_from_the_file_and_of_variables_from_the_working_directory(file: Path) -> None:
    settings = load_settings(write(file, "totem {\n authkey: key\n}"), {"OPENAIS_TOTEM_STATEDIR": "state"}, {})
    assert settings.totem.authkey == (file.parent / "key",)
    assert settings.totem.statedir == Path.cwd() / "state"


def test_the_socket_variable_of_libraries_is_the_default_of_the_executive(file: Path) -> None:
    assert load_settings(write(file, ""), {"OPENAIS_SOCKET": "/a/b"}, {}).ipc.socket == Path("/a/b")
    assert load_settings(file, {"OPENAIS_SOCKET": "/a/b", "OPENAIS_IPC_SOCKET": "/c"}, {}).ipc.socket == Path("/c")


def test_every_mistake_is_reported_in_the_order_of_the_lines(file: Path) -> None:
    text = """\
        network {
            bindnetaddr: 10.0.0.300
            mcastadr: 226.94.1.1
            mcastport: 99999
        }
        loging {
            debug: on
        }
        totem {
            token: 5s
            mcastport: 5
            secauth off
            token: 500
        }
        totem {
        }
        """
    assert reports(look(file, text, {"OPENAIS_TOTEM_QUORUM": "most"}, {"ipc.queue_max": "4X"})) == [
        "openais.conf:2: bindnetaddr: '10.0.0.300' is not an IP address; expected an IPv4 or IPv6 address of this "
        "machine or of its network, such as 192.168.1.0 or ::1",
        "openais.conf:3: unknown key 'mcastadr' in section 'network', did you mean 'mcastaddr'?",
        "openais.conf:4: mcastport: 99999 is too big; expected a whole number from 1 to 65535",
        "openais.conf:6: unknown section 'loging', did you mean 'logging'?; "
        "expected one of network, logging, totem, ipc, ckpt, amf",
        "openais.conf:10: token: '5s' is not a whole number; expected a whole number from 20 to 60000 (ms)",
        "openais.conf:11: unknown key 'mcastport' in section 'totem', it belongs in section 'network'",
        "openais.conf:12: 'secauth off' is not understood; expected `section {`, `key: value` or `}`",
        "openais.conf:13: 'token' is given already, in line 10; expected each key once",
        "openais.conf:15: section 'totem' is there already, in line 9; expected each section once",
        "OPENAIS_TOTEM_QUORUM: quorum: 'most' is not one of the choices; expected none or majority",
        "--ipc-queue-max: queue_max: '4X' is not a size; expected a number of bytes from 64K to 1G, such as 65536, "
        "64K or 4M",
    ]


def test_an_unknown_key_that_is_like_no_other_is_told_the_known_ones(file: Path) -> None:
    assert reports(look(file, "network {\n zzz: 1\n}")) == [
        "openais.conf:2: unknown key 'zzz' in section 'network'; expected one of bindnetaddr, mcastaddr, mcastport"
    ]


def test_the_error_that_is_raised_has_a_line_for_each_mistake(file: Path) -> None:
    with pytest.raises(ConfigurationError) as error:
        load_settings(write(file, "totem {\n token: x\n netmtu: x\n}"), {}, {})
    assert [problem.line for problem in error.value.problems] == [2, 3]
    assert len(str(error.value).splitlines()) == 2
    assert {problem.file for problem in error.value.problems} == {str(file)}


@pytest.mark.parametrize(
    ("text", "report"),
    [
        ("totem {\n transport: multicast\n}", "2: transport is multicast and mcastaddr is not given; expected both"),
        (
            "network {\n mcastaddr: ff15::1\n}",
            "2: mcastaddr ff15::1 and bindnetaddr 127.0.0.1 are of different IP versions; "
            "expected both IPv4 or both IPv6",
        ),
        (
            "network {\n bindnetaddr: ::1\n}\ntotem {\n netmtu: 1000\n}",
            "5: netmtu: 1000 is less than IPv6 allows; expected 1280 or more, or 0",
        ),
        ("totem {\n nodelist: a, a:5405\n}", "2: nodelist: a:5405 is there 2 times; expected each node once"),
        (
            "totem {\n nodelist: ::1\n}",
            "2: nodelist: [::1]:5405 is not of the IP version of bindnetaddr 127.0.0.1; "
            "expected IPv4 addresses or names",
        ),
        (
            "totem {\n max_messages: 100\n}",
            "2: totem.max_messages is 100, and totem.window_size is 96; "
            "expected totem.max_messages to be no more than totem.window_size",
        ),
        (
            "ipc {\n queue_throttle: 64M\n}",
            "2: ipc.queue_throttle is 67108864, and ipc.queue_max is 33554432; "
            "expected ipc.queue_throttle to be no more than ipc.queue_max",
        ),
        (
            "totem {\n quorum: majority\n}",
            f"2: quorum is majority, of unknown nodes; expected expected_votes (1 to {NODES_MAX}) or a nodelist",
        ),
        (
            "totem {\n quorum: majority\n expected_votes: 3\n two_node: on\n}",
            "4: two_node is on and 3 votes are expected; expected 2 votes",
        ),
    ],
)
def test_values_that_contradict_each_other_are_mistakes(file: Path, text: str, report: str) -> None:
    assert reports(look(file, text)) == [f"openais.conf:{report}"]


@pytest.mark.parametrize(
    ("text", "report"),
    [
        (
            "totem {\n token: 120\n nodelist: a,b,c,d,e,f,g,h,i\n}",
            "2: a token timeout of 120 ms is short for 9 nodes: false alarms are likely; expected 200 ms or more",
        ),
        (
            "totem {\n secauth: off\n}",
            "2: secauth is off: whoever reaches the port can read, and forge, all that the cluster says",
        ),
        ("totem {\n expected_votes: 3\n}", "2: expected_votes has no effect, since quorum is none"),
        ("logging {\n logfile: a\n}", "2: logfile has no effect, since logoutput is stderr"),
        (
            "network {\n mcastaddr: 226.94.1.1\n}\ntotem {\n transport: unicast\n}",
            "2: mcastaddr has no effect, since transport is unicast",
        ),
        (
            "network {\n bindnetaddr: 10.0.0.1\n}",
            "2: the transport is unicast and there is no nodelist: this node only meets nodes that list it; "
            "expected a nodelist, or mcastaddr",
        ),
        (
            "totem {\n nodelist: 10.0.0.1, 127.0.0.1\n}",
            "2: bindnetaddr 127.0.0.1 is on this machine only, 10.0.0.1:5405 cannot be reached from it; "
            "expected an address of the network",
        ),
    ],
)
def test_what_is_hardly_meant_is_a_warning(file: Path, text: str, report: str) -> None:
    examination = look(file, text)
    assert cautions(examination) == [f"openais.conf:{report}"]
    assert examination.settings is not None
    assert len(examination.settings.warnings) == 1


def test_a_variable_of_no_key_is_a_warning(file: Path) -> None:
    assert cautions(look(file, "", {"OPENAIS_TOTEM_TOKNE": "5", "OPENAIS_SERVICE_HOST": "10.0.0.1"})) == [
        "OPENAIS_TOTEM_TOKNE: this environment variable is of no key, did you mean 'OPENAIS_TOTEM_TOKEN'?"
    ]


def test_nodes_without_a_port_have_that_of_the_ring(file: Path) -> None:
    text = "network {\n mcastport: 6000\n}\ntotem {\n nodelist: a, b:7\n}"
    assert load_settings(write(file, text), {}, {}).nodes == (HostPort("a", 6000), HostPort("b", 7))


def test_a_multicast_address_chooses_multicast(file: Path) -> None:
    assert load_settings(write(file, "network {\n mcastaddr: 226.94.1.1\n}"), {}, {}).transport == "multicast"


def test_a_key_is_made_only_for_the_default_file_and_on_this_machine(file: Path) -> None:
    assert Settings().makes_authkey
    assert not load_settings(write(file, "totem {\n authkey: k\n}"), {}, {}).makes_authkey
    assert not load_settings(write(file, "network {\n bindnetaddr: 10.0.0.1\n}"), {}, {}).makes_authkey
