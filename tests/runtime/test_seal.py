"""Sealing: what is sealed opens once, by those who have the key, and nothing else opens."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openais.runtime.authkey import AuthKey
from openais.runtime.seal import EXPLANATIONS, HEADER, OVERHEAD, REPLAY_WINDOW, SESSIONS_MAX, Cipher, Opener, Sealer
from openais.types import NodeId

KEY = AuthKey(b"k" * 32)
OTHER_KEY = AuthKey(b"o" * 32)
ALICE, BOB = NodeId(1), NodeId(2)
CIPHERS = [Cipher.AES256GCM, Cipher.CHACHA20POLY1305]


def sealer(
    keys: Sequence[AuthKey] = (KEY,),
    cipher: Cipher = Cipher.AES256GCM,
    cluster: str = "c",
    node_id: NodeId = ALICE,
    session: int = 100,
) -> Sealer:
    return Sealer(keys, cipher, cluster, node_id, session)


def opener(keys: Sequence[AuthKey] = (KEY,), cluster: str = "c", session: int = 100) -> Opener:
    return Opener(keys, cluster, BOB, session)


def drops(of: Opener) -> dict[str, int]:
    return {cause: count for cause, count in of.counters.items() if count}


@pytest.mark.parametrize("cipher", CIPHERS)
@pytest.mark.parametrize("size", [0, 1, 1400, 60_000])
def test_what_is_sealed_opens(cipher: Cipher, size: int) -> None:
    plain = random.Random(size).randbytes(size)
    sealed = sealer(cipher=cipher).seal(plain)
    assert len(sealed) == size + OVERHEAD
    assert opener().open(sealed) == plain


@pytest.mark.parametrize("cipher", CIPHERS)
def test_a_sealed_datagram_does_not_show_its_content(cipher: Cipher) -> None:
    plain = b"attack at dawn, all of you"
    assert plain[:8] not in sealer(cipher=cipher).seal(plain)


def test_a_burst_opens_in_order_with_its_addresses() -> None:
    alice = sealer()
    burst = [("x", alice.seal(b"1")), ("y", b"junk"), ("z", alice.seal(b"2"))]
    assert opener().open_burst(burst) == [("x", b"1"), ("z", b"2")]


def test_no_two_datagrams_of_one_content_are_alike_not_even_after_a_restart() -> None:
    first, second, restarted = sealer(), sealer(session=101), sealer(node_id=BOB)
    sealed = [each.seal(b"same") for each in (first, first, second, restarted)]
    assert len({datagram[HEADER.size :] for datagram in sealed}) == 4


@pytest.mark.parametrize("cipher", CIPHERS)
def test_every_flipped_bit_is_noticed(cipher: Cipher) -> None:
    bob = opener()
    alice = sealer(cipher=cipher)
    assert bob.open(alice.seal(b"first")) == b"first"
    sealed = alice.seal(b"second")
    for bit in range(len(sealed) * 8):
        flipped = bytearray(sealed)
        flipped[bit // 8] ^= 1 << bit % 8
        assert bob.open(bytes(flipped)) is None
    assert bob.open(sealed) == b"second"


@given(st.binary(max_size=200))
def test_junk_is_dropped_and_never_raises(junk: bytes) -> None:
    bob = opener()
    assert bob.open(junk) is None
    assert sum(bob.counters.values()) == 1


@given(st.binary(max_size=60))
def test_junk_that_claims_a_known_session_is_dropped(junk: bytes) -> None:
    bob = opener()
    sealed = sealer().seal(b"x")
    bob.open(sealed)
    assert bob.open(sealed[:16] + junk) is None


@pytest.mark.parametrize(
    ("datagram", "cause"),
    [
        (b"", "too_short"),
        (b"short", "too_short"),
        (HEADER.pack(9, 1, KEY.key_id, 1, 1, 1) + bytes(32), "wire_version"),
        (HEADER.pack(1, 7, KEY.key_id, 1, 1, 1) + bytes(32), "cipher"),
        (HEADER.pack(1, 1, KEY.key_id ^ 1, 1, 1, 1) + bytes(32), "unknown_key"),
        (HEADER.pack(1, 1, KEY.key_id, 1, 1, 1) + bytes(32), "not_authentic"),
        (HEADER.pack(1, 1, KEY.key_id, 1, 1, 1) + bytes(3), "too_short"),
        (HEADER.pack(1, 1, KEY.key_id, BOB, 100, 1) + bytes(32), "own_echo"),
    ],
)
def test_each_cause_of_a_drop_has_its_counter(datagram: bytes, cause: str) -> None:
    bob = opener()
    assert bob.open(datagram) is None
    assert drops(bob) == {cause: 1}


def test_a_wrong_key_does_not_open() -> None:
    bob = opener(keys=[OTHER_KEY])
    assert bob.open(sealer().seal(b"x")) is None
    assert drops(bob) == {"unknown_key": 1}


def test_another_cluster_with_the_same_key_does_not_open() -> None:
    bob = opener(cluster="other")
    assert bob.open(sealer().seal(b"x")) is None
    assert drops(bob) == {"not_authentic": 1}


def test_our_own_datagrams_that_come_back_are_dropped() -> None:
    bob = opener()
    assert bob.open(sealer(node_id=BOB).seal(b"x")) is None
    assert drops(bob) == {"own_echo": 1}


def test_another_processor_with_our_node_id_is_heard() -> None:
    assert opener().open(sealer(node_id=BOB, session=99).seal(b"x")) == b"x"


def test_a_replayed_datagram_is_dropped() -> None:
    bob = opener()
    sealed = sealer().seal(b"x")
    assert bob.open(sealed) == b"x"
    assert bob.open(sealed) is None
    assert drops(bob) == {"replayed": 1}


def test_reordered_datagrams_open_once_each() -> None:
    bob = opener()
    alice = sealer()
    sealed = [alice.seal(b"%d" % number) for number in range(REPLAY_WINDOW)]
    random.Random(1).shuffle(sealed)
    assert all(bob.open(datagram) is not None for datagram in sealed)
    assert all(bob.open(datagram) is None for datagram in sealed)


def test_a_datagram_from_before_the_window_counts_as_replayed() -> None:
    bob = opener()
    alice = sealer()
    late, just_in_time = alice.seal(b"late"), alice.seal(b"just in time")
    for _ in range(REPLAY_WINDOW - 1):
        assert bob.open(alice.seal(b"x")) == b"x"
    assert bob.open(just_in_time) == b"just in time"
    assert bob.open(late) is None
    assert drops(bob) == {"replayed": 1}


def test_a_forged_datagram_does_not_move_the_window() -> None:
    bob = opener()
    alice = sealer()
    first, second = alice.seal(b"1"), alice.seal(b"2")
    assert bob.open(first) == b"1"
    assert bob.open(second[:16] + (2**63).to_bytes(8, "big") + second[24:]) is None
    assert bob.open(second) == b"2"


def test_what_was_recorded_before_the_sender_restarted_is_dropped_by_who_starts_later() -> None:
    recorded = sealer(session=100).seal(b"old")
    bob = opener()
    assert bob.open(sealer(session=200).seal(b"new")) == b"new"
    assert bob.open(recorded) is None
    assert drops(bob) == {"stale_session": 1}


def test_a_session_that_was_heard_before_a_newer_one_goes_on() -> None:
    """Two executives with one node id by mistake: the ring must see both to say so."""
    bob = opener()
    older, newer = sealer(session=100), sealer(session=200)
    assert bob.open(older.seal(b"1")) == b"1"
    assert bob.open(newer.seal(b"2")) == b"2"
    assert bob.open(older.seal(b"3")) == b"3"


def test_the_table_of_sessions_is_bounded_and_keeps_those_in_use() -> None:
    bob = opener()
    alice = sealer(node_id=NodeId(1000))
    recorded = alice.seal(b"x")
    assert bob.open(recorded) == b"x"
    for number in range(SESSIONS_MAX * 2):
        assert bob.open(sealer(node_id=NodeId(2000 + number)).seal(b"y")) == b"y"
        assert bob.open(alice.seal(b"x")) == b"x"
    assert bob.open(recorded) is None


def test_all_loaded_keys_open_and_the_first_one_seals() -> None:
    both = opener(keys=[KEY, OTHER_KEY])
    assert both.open(sealer(keys=[OTHER_KEY, KEY]).seal(b"x")) == b"x"
    assert opener(keys=[KEY]).open(sealer(keys=[OTHER_KEY, KEY]).seal(b"x")) is None


def test_a_key_is_changed_while_datagrams_flow() -> None:
    """The three steps of a rotation; at each, nodes before and after it understand each other."""
    alice, bob = sealer(keys=[KEY]), opener(keys=[KEY])
    for sends, opens in [
        ([KEY], [KEY, OTHER_KEY]),
        ([OTHER_KEY, KEY], [KEY, OTHER_KEY]),
        ([OTHER_KEY, KEY], [OTHER_KEY]),
        ([OTHER_KEY], [OTHER_KEY]),
    ]:
        alice.set_keys(sends, Cipher.AES256GCM)
        bob.set_keys(opens)
        assert bob.open(alice.seal(b"x")) == b"x"
    assert not drops(bob)


def test_a_key_taken_out_no_longer_opens() -> None:
    alice, bob = sealer(), opener()
    assert bob.open(alice.seal(b"x")) == b"x"
    bob.set_keys([OTHER_KEY])
    assert bob.open(alice.seal(b"x")) is None
    assert drops(bob) == {"unknown_key": 1}


def test_a_key_that_comes_back_does_not_repeat_a_nonce() -> None:
    alice, bob = sealer(), opener(keys=[KEY, OTHER_KEY])
    before = alice.seal(b"x")
    alice.set_keys([OTHER_KEY], Cipher.AES256GCM)
    alice.set_keys([KEY], Cipher.AES256GCM)
    after = alice.seal(b"x")
    assert before[HEADER.size :] != after[HEADER.size :]
    assert [bob.open(before), bob.open(after)] == [b"x", b"x"]


def test_without_security_datagrams_are_framed_alike() -> None:
    alice, bob = sealer(keys=(), cipher=Cipher.NONE), opener(keys=())
    sealed = alice.seal(b"open to all")
    assert sealed.endswith(b"open to all")
    assert bob.open(sealed) == b"open to all"
    assert bob.open(sealed) is None
    assert bob.open(b"") is None


def test_secured_and_unsecured_nodes_do_not_hear_each_other() -> None:
    secured, unsecured = opener(), opener(keys=())
    assert secured.open(sealer(keys=(), cipher=Cipher.NONE).seal(b"x")) is None
    assert unsecured.open(sealer().seal(b"x")) is None
    assert drops(secured) == drops(unsecured) == {"cipher": 1}


def test_an_operator_is_told_once_of_each_host_and_cause() -> None:
    bob, foreign = opener(), sealer(keys=[OTHER_KEY])
    burst = [(("10.0.0.7", port), foreign.seal(b"x")) for port in (5405, 5406)]
    assert bob.open_burst([*burst, (("10.0.0.8", 5405), b"x")]) == []
    assert bob.take_complaints() == [
        f"datagrams from 10.0.0.7 are refused: {EXPLANATIONS['unknown_key']}",
        f"datagrams from 10.0.0.8 are refused: {EXPLANATIONS['too_short']}",
    ]
    bob.open_burst(burst)
    assert bob.take_complaints() == []


def test_what_is_replayed_or_our_own_is_no_complaint() -> None:
    bob, alice, echo = opener(), sealer(), sealer(node_id=BOB)
    sealed = alice.seal(b"x")
    assert bob.open_burst([("h", sealed), ("h", sealed), ("h", echo.seal(b"y"))]) == [("h", b"x")]
    assert bob.take_complaints() == []
