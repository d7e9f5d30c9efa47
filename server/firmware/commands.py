"""`pointofcare-server firmware ...`: keys, images, drafts, publishing. `new-key`, `sign`, `sign-image`, `image-info` and `show` need no
server and no configuration: they run on the machines of the people who sign, without a network."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from devices.firmware import image
from pointofcare import firmware
from pointofcare.errors import ConfigError
from server.config import ServerConfig
from server.firmware import drafts, keys, repository, standing
from server.firmware.repository import OFFLINE, ROLES, Repository

_LARGEST_FILE = firmware.LONGEST_SOFTWARE_BYTES


def add(commands: Any, default_config: Path, load: Callable[[argparse.Namespace], ServerConfig]) -> None:
    """Puts `firmware ACTION` among the server's commands."""
    about = "firmware of the carts' microcontrollers: keys, signed images, releases"
    actions = commands.add_parser("firmware", help=about, description=about).add_subparsers(required=True, metavar="ACTION")

    def action(name: str, run: Callable[..., int], about: str, *, here: bool) -> argparse.ArgumentParser:
        """`here`: it works on this server's repository; the others need nothing but their files."""
        made: argparse.ArgumentParser = actions.add_parser(name, help=about, description=about)
        if here:
            made.add_argument("--config", type=Path, default=default_config, help="the configuration file (default: server.toml)")
            made.set_defaults(run=lambda chosen: run(chosen, Repository(load(chosen).firmware.directory)))
        else:
            made.set_defaults(run=run)
        return made

    def draft(name: str, run: Callable[..., int], about: str) -> argparse.ArgumentParser:
        made = action(name, run, f"{about}; drafted onto a stick, for people to sign", here=True)
        made.add_argument("--stick", type=Path, required=True, help="an empty folder of the medium that is carried to them")
        return made

    made = action("new-key", _new_key, "draw a key for a person; its passphrase is asked for, or read from standard input", here=False)
    made.add_argument("name", help="such as root-alice, firmware-1 or image-1")
    made.add_argument("--to", type=Path, required=True, help="a folder on a medium of that person's own")
    made = draft("ceremony", _ceremony, "the first lists of a new repository")
    made.add_argument("--root", type=Path, action="append", required=True, metavar="PUB", help="a root key (.pub); three or more")
    made.add_argument("--threshold", type=int, default=2, help="how many root keys must sign (default: 2)")
    made.add_argument("--targets", type=Path, required=True, metavar="PUB", help="the key that names the firmware role")
    made.add_argument("--firmware", type=Path, required=True, metavar="PUB", help="the key that signs releases")
    made.add_argument("--image-key", type=Path, required=True, metavar="PEM", help="the public half of the key that signs images")
    made = draft("release", _release, "a signed image that carts may take")
    made.add_argument("image", type=Path)
    made.add_argument("--name", help="its path in the repository (default: cart-mcu/HARDWARE-VERSION.bin)")
    made.add_argument("--notes", default="", help="what is new, for the fleet manager")
    made = draft("withdraw", _withdraw, "the list without one release")
    made.add_argument("name")
    made = draft("rotate", _rotate, "other keys for a role")
    made.add_argument("role", choices=ROLES)
    made.add_argument("--remove", action="append", default=[], metavar="NAME", help="a key that no longer counts")
    made.add_argument("--add", action="append", default=[], type=Path, metavar="PUB", help="a key that counts from now on")
    made.add_argument(
        "--image-key", type=Path, metavar="PEM", help="who may sign images from now on; one file may hold the old and the new"
    )
    made = draft("renew", _renew, "the same lists with a later expiry")
    made.add_argument("roles", nargs="+", choices=OFFLINE)
    made = action("show", _show, "say what a draft is for, and who has signed it", here=False)
    made.add_argument("--stick", type=Path, required=True)
    made = action("sign", _sign, "sign a draft, on a machine without a network", here=False)
    made.add_argument("--stick", type=Path, required=True)
    made.add_argument("--key", type=Path, required=True, help="the secret key (.key); its passphrase is asked for")
    made = action("publish", _publish, "publish a signed draft: carts see all of it or nothing of it", here=True)
    made.add_argument("--stick", type=Path, required=True)
    made = action("sign-image", _sign_image, "sign a raw firmware binary for the bootloader", here=False)
    made.add_argument("raw", type=Path)
    made.add_argument("out", type=Path)
    made.add_argument("--key", type=Path, required=True, help="the secret image key (.key); its passphrase is asked for")
    made.add_argument("--version", required=True, help="as 1.2.3+4")
    made.add_argument("--hardware", required=True, help="which board it is for, as cart-mcu-r2")
    made.add_argument("--security-counter", type=int, help="carts never go below it again (default: from the version)")
    made.add_argument("--slot-bytes", type=lambda text: int(text, 0), help="(default: 128 KiB, or what a cart takes)")
    made.add_argument("--align-bytes", type=int, default=image.ALIGN_BYTES)
    made = action("image-info", _image_info, "what an image says of itself, and whether a key signed it", here=False)
    made.add_argument("image", type=Path)
    made.add_argument("--key", type=Path, metavar="PEM", help="the public image key; without it the signature is NOT checked")
    action("list", _list, "what is released, and when each list ends", here=True)
    action("check", _check, "look at everything as a cart would (exit code 1: something is wrong, or ends soon)", here=True)
    action("refresh", _refresh, "sign timestamp and snapshot anew now; the running server does it by itself", here=True)
    made = action("export-root", _export_root, "write what a cart is given when it is installed", here=True)
    made.add_argument("--to", type=Path, required=True, help="a folder: root.json and image-key.pem")


def _new_key(chosen: argparse.Namespace) -> int:
    drawn = keys.draw(chosen.to, chosen.name, _passphrase("Passphrase for the new key: ", twice=True))
    for path, about in (
        (drawn.secret, "secret; never leaves this medium"),
        (drawn.public, "for the ceremony"),
        (drawn.pem, "for a bootloader"),
    ):
        print(f"{path}: {about}")
    return 0


def _ceremony(chosen: argparse.Namespace, held: Repository) -> int:
    drafts.ceremony(
        held,
        chosen.stick,
        roots=chosen.root,
        threshold=chosen.threshold,
        targets=chosen.targets,
        firmware_role=chosen.firmware,
        image_key=chosen.image_key,
        at=repository.now(),
    )
    return _drafted(chosen.stick)


def _release(chosen: argparse.Namespace, held: Repository) -> int:
    content = _content(chosen.image)
    info = firmware.read(content)
    folder = firmware.CART_SOFTWARE if firmware.is_cart_software(info.hardware or "") else "cart-mcu"
    name = chosen.name or f"{folder}/{info.hardware}-{str(info.version).replace('+', '-')}.bin"
    drafts.release(held, chosen.stick, content, name=name, notes=chosen.notes, at=repository.now())
    return _drafted(chosen.stick)


def _withdraw(chosen: argparse.Namespace, held: Repository) -> int:
    drafts.withdraw(held, chosen.stick, chosen.name, at=repository.now())
    return _drafted(chosen.stick)


def _rotate(chosen: argparse.Namespace, held: Repository) -> int:
    drafts.rotate(
        held, chosen.stick, chosen.role, remove=chosen.remove, add=chosen.add, at=repository.now(), image_key=chosen.image_key
    )  # fmt: skip
    return _drafted(chosen.stick)


def _renew(chosen: argparse.Namespace, held: Repository) -> int:
    drafts.renew(held, chosen.stick, chosen.roles, at=repository.now())
    return _drafted(chosen.stick)


def _drafted(stick: Path) -> int:
    for line in drafts.says(drafts.read(stick)):
        print(line)
    print(f"Next: pointofcare-server firmware sign --stick {stick} --key KEY, by each who must; then publish")
    return 0


def _show(chosen: argparse.Namespace) -> int:
    for line in drafts.says(drafts.read(chosen.stick)):
        print(line)
    return 0


def _sign(chosen: argparse.Namespace) -> int:
    for line in drafts.says(drafts.read(chosen.stick)):
        print(line)
    signer = keys.load(chosen.key, _passphrase(f"Passphrase of {chosen.key}, to sign what is said above: "))
    print(f"signed: {', '.join(drafts.sign(chosen.stick, signer))}")
    return 0


def _publish(chosen: argparse.Namespace, held: Repository) -> int:
    print(f"published: {', '.join(drafts.publish(held, chosen.stick, at=repository.now()))}")
    return 0


def _sign_image(chosen: argparse.Namespace) -> int:
    key = keys.load_private(chosen.key, _passphrase(f"Passphrase of {chosen.key}: "))
    signed = image.sign(
        _content(chosen.raw),
        key,
        version=chosen.version,
        hardware=chosen.hardware,
        security_counter=chosen.security_counter,
        slot_bytes=chosen.slot_bytes or (_LARGEST_FILE if firmware.is_cart_software(chosen.hardware) else image.SLOT_BYTES),
        align_bytes=chosen.align_bytes,
    )
    try:
        chosen.out.write_bytes(signed)
    except OSError as exc:
        raise ConfigError(f"{chosen.out} cannot be written: {exc.strerror}", remedy="name another file") from exc
    _tell(firmware.read(signed))
    return 0


def _image_info(chosen: argparse.Namespace) -> int:
    content = _content(chosen.image)
    if chosen.key is None:
        _tell(firmware.read(content))
        print("signature: NOT CHECKED, no --key was given")
        return 0
    _tell(image.verify(content, image.load_keys(chosen.key)))
    print(f"signature: of a key in {chosen.key}")
    return 0


def _tell(info: firmware.ImageInfo) -> None:
    print(f"version: {info.version}\nhardware: {info.hardware}\nsecurity counter: {info.security_counter}")
    print(f"image hash: {info.image_hash}\nlength: {info.length} bytes")


def _list(_chosen: argparse.Namespace, held: Repository) -> int:
    found = standing.of(held)
    if found is None:
        print("there is no firmware repository here yet")
        return 0
    for role in found.roles:
        print(
            f"{role.role}: version {role.version}, until {role.expires_at.isoformat()}, signed by {', '.join(role.signers)} "
            f"({role.threshold} needed)"
        )
    for each in found.released:
        target = each.target
        print(
            f"{target.name}: {target.version} for {target.hardware}, security counter {target.security_counter}, {target.length} bytes, "
            f"image hash {target.image_hash}" + (f" - NOT USABLE: {each.image_fault}" if each.image_fault else "")
        )
    return 0


def _check(_chosen: argparse.Namespace, held: Repository) -> int:
    number = standing.check(held)
    found = standing.of(held)
    alarms = found.alarms(repository.now()) if found is not None else ()
    print(f"{number} release(s), every list and every image verified")
    for sentence in alarms:
        print(sentence, file=sys.stderr)
    return 1 if alarms else 0


def _refresh(_chosen: argparse.Namespace, held: Repository) -> int:
    held.lists()
    standing.refresh(held, at=repository.now(), always=True)
    print("timestamp and snapshot are signed anew")
    return 0


def _export_root(chosen: argparse.Namespace, held: Repository) -> int:
    root, image_key = held.first_root(), held.signed_image_key()
    try:
        chosen.to.mkdir(parents=True, exist_ok=True)
        (chosen.to / "root.json").write_bytes(root)
        (chosen.to / "image-key.pem").write_bytes(image_key)
    except OSError as exc:
        raise ConfigError(f"{chosen.to} cannot be written: {exc.strerror}", remedy="name another folder") from exc
    print(f"{chosen.to}/root.json and {chosen.to}/image-key.pem: put both on each cart, by hand, once")
    return 0


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise ConfigError(f"{path} is too large for firmware", remedy=f"at most {_LARGEST_FILE} bytes")
        return path.read_bytes()
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read: {exc.strerror}", remedy="name the file") from exc


def _passphrase(question: str, *, twice: bool = False) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    told = getpass.getpass(question)
    if twice and getpass.getpass("Once more: ") != told:
        raise ConfigError("the two passphrases differ", remedy="type the same one twice")
    return told
