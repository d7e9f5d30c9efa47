"""Images: only what the right key signed, and only what has one answer to each question."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.firmware import image
from pointofcare import firmware
from pointofcare.errors import ConfigError, ImageRejectedError

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
TRUSTED = image.ImageKeys([KEY.public_key()])
SIGNED = image.sign(b"\x01\x02\x03" * 700, KEY, version="1.1.0+7", hardware="cart-mcu-r2")


def _public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def test_a_signed_image_says_what_it_was_made_with() -> None:
    found = image.verify(SIGNED, TRUSTED)
    assert str(found.version) == "1.1.0+7"
    assert found.hardware == "cart-mcu-r2"
    assert found.security_counter == 0x01010000
    assert found.length == len(SIGNED)


def test_an_image_that_another_key_signed_is_refused() -> None:
    rogue = image.sign(b"\x01" * 100, Ed25519PrivateKey.generate(), version="1.1.0+7", hardware="cart-mcu-r2")
    with pytest.raises(ImageRejectedError, match="no key that is trusted"):
        image.verify(rogue, TRUSTED)


def test_the_second_of_two_keys_is_enough_while_a_key_is_changed(tmp_path: Path) -> None:
    file = tmp_path / "keys.pem"
    file.write_text(_public(Ed25519PrivateKey.generate()) + _public(KEY), encoding="ascii")
    assert image.verify(SIGNED, image.load_keys(file)).hardware == "cart-mcu-r2"


@pytest.mark.parametrize("nothing", [None, (), [KEY.public_key()]])
def test_there_is_no_check_without_a_key(nothing: object) -> None:
    with pytest.raises(TypeError):
        image.verify(SIGNED, nothing)  # type: ignore[arg-type]
    with pytest.raises(ConfigError):
        image.ImageKeys([])


def test_a_file_without_a_public_ed25519_key_is_no_key(tmp_path: Path) -> None:
    other = generate_private_key(SECP256R1()).public_key()
    kinds = {
        "empty": "",
        "rubbish": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        "another": other.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode(),
    }
    for name, text in kinds.items():
        file = tmp_path / f"{name}.pem"
        file.write_text(text, encoding="ascii")
        with pytest.raises(ConfigError):
            image.load_keys(file)


@given(place=st.integers(0, len(SIGNED) - 1), bit=st.integers(0, 7))
@settings(max_examples=150, deadline=None)
def test_no_bit_may_differ(place: int, bit: int) -> None:
    changed = bytearray(SIGNED)
    changed[place] ^= 1 << bit
    with pytest.raises(ImageRejectedError):
        image.verify(bytes(changed), TRUSTED)


def test_no_byte_behind_the_code_may_differ() -> None:
    header, _protected, body = struct.unpack_from("<HHI", SIGNED, 8)
    for place in range(header + body, len(SIGNED)):
        changed = bytearray(SIGNED)
        changed[place] ^= 0xFF
        with pytest.raises(ImageRejectedError):
            image.verify(bytes(changed), TRUSTED)


@given(cut=st.integers(0, len(SIGNED) - 1))
@settings(max_examples=60, deadline=None)
def test_nothing_may_be_missing(cut: int) -> None:
    with pytest.raises(ImageRejectedError):
        image.verify(SIGNED[:cut], TRUSTED)


@given(more=st.binary(min_size=1, max_size=40))
@settings(max_examples=30, deadline=None)
def test_nothing_may_follow(more: bytes) -> None:
    with pytest.raises(ImageRejectedError):
        image.verify(SIGNED + more, TRUSTED)


@given(rubbish=st.binary(max_size=600))
@settings(max_examples=100, deadline=None)
def test_rubbish_is_refused_and_breaks_nothing(rubbish: bytes) -> None:
    with pytest.raises(ImageRejectedError):
        firmware.read(rubbish)


def test_a_hardware_name_that_the_signature_does_not_cover_is_refused() -> None:
    """Anybody can append a record behind the signed ones; the signature stays whole."""
    header, protected, body = struct.unpack_from("<HHI", SIGNED, 8)
    end = header + body + protected
    magic, total = struct.unpack_from("<HH", SIGNED, end)
    record = struct.pack("<HH", firmware.HARDWARE, 11) + b"cart-mcu-r9"
    appended = SIGNED[:end] + struct.pack("<HH", magic, total + len(record)) + SIGNED[end + 4 :] + record
    with pytest.raises(ImageRejectedError):
        image.verify(appended, TRUSTED)


def test_pure_signing_that_would_leave_the_hash_unsigned_is_refused() -> None:
    """A record of kind 0x25 makes the tool skip the hash: the hash by which a slot is known would then be anybody's."""
    header, protected, body = struct.unpack_from("<HHI", SIGNED, 8)
    end = header + body + protected
    signature = KEY.sign(SIGNED[:end])
    records = [(0x25, b"\x01"), (firmware.SHA256, hashlib.sha256(SIGNED[:end]).digest()), (firmware.ED25519, signature)]
    area = b"".join(struct.pack("<HH", kind, len(data)) + data for kind, data in records)
    with pytest.raises(ImageRejectedError):
        image.verify(SIGNED[:end] + struct.pack("<HH", 0x6907, len(area) + 4) + area, TRUSTED)


def test_an_image_that_does_not_fit_its_slot_is_not_made() -> None:
    with pytest.raises(ImageRejectedError, match="cannot be made"):
        image.sign(b"\x01" * image.SLOT_BYTES, KEY, version="1.0.0", hardware="cart-mcu-r2")


@pytest.mark.parametrize("version", ["1", "1.2", "1.2.3-4", "256.0.0", "1.0.65536", "01.0.0", "1.2.3+4294967296", ""])
def test_a_version_that_an_image_cannot_carry_is_refused(version: str) -> None:
    with pytest.raises(ImageRejectedError):
        image.sign(b"\x01", KEY, version=version, hardware="cart-mcu-r2")


def test_both_ways_of_writing_a_version_are_one() -> None:
    assert firmware.version("1.1.0+7") == firmware.version("1.1.0.7") < firmware.version("1.1.1")


def test_a_release_is_told_as_it_was_made() -> None:
    made = firmware.target_of("cart-mcu/cart-mcu-r2-1.1.0.bin", SIGNED)
    assert firmware.told(made.name, made.length, made.sha256, firmware.custom(made)) == made
    for missing in firmware.custom(made):
        less = {name: value for name, value in firmware.custom(made).items() if name != missing}
        with pytest.raises(ImageRejectedError):
            firmware.told(made.name, made.length, made.sha256, less)


@pytest.mark.parametrize("name", ["x.bin", "../x.bin", "cart-mcu/../x", "cart-mcu//x", "/cart-mcu/x", "cart-mcu/.x", "cart-mcu/x y"])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(ImageRejectedError):
        firmware.target_of(name, SIGNED)
