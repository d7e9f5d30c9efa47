"""A patient's photo: looked at strictly, made anew as a small JPEG, so that nothing of what was uploaded but the picture is kept.

Must never keep a file as it came: where and when it was taken, and whatever else hides in one, is left behind.
"""

from __future__ import annotations

import hashlib
import io

from PIL import Image, ImageOps, UnidentifiedImageError

from pointofcare.errors import UnreadableError
from pointofcare.people import StaffRole
from server.store import identities, patients
from server.store.identities import Photo
from server.store.transaction import Actor, Transaction
from server.usecases.permission import require

TAKERS = (StaffRole.NURSE, StaffRole.CHARGE_NURSE)
MOST_BYTES = 8_000_000
# A JPEG is made small while it is read; what must be unpacked whole takes four bytes a pixel, however small its file is.
_MOST_PIXELS = {"JPEG": 60_000_000, "PNG": 16_000_000, "WEBP": 16_000_000}
_SIDE_PX = 480
_QUALITY = 82


def take(tx: Transaction, actor: Actor, patient: str, data: bytes) -> Photo:
    """Instead of the one before. Raises: NotPermittedError, NotFoundError, OtherWardError, UnreadableError."""
    require(tx, actor, *TAKERS)
    patients.get(tx, patient)
    picture = remade(data)
    digest = hashlib.sha256(picture).hexdigest()
    photo = Photo(picture=picture, digest=digest, by=actor.id, at=tx.at)
    before = identities.photo_digest(tx, patient)
    identities.put_photo(tx, patient, photo)
    tx.audit("patient.photo", f"patient/{patient}", {"patient": patient, "before": before, "after": digest, "bytes": len(picture)})
    return photo


def remove(tx: Transaction, actor: Actor, patient: str) -> None:
    """Raises: NotPermittedError, NotFoundError, OtherWardError."""
    require(tx, actor, *TAKERS)
    patients.get(tx, patient)
    before = identities.photo_digest(tx, patient)
    if identities.remove_photo(tx, patient):
        tx.audit("patient.photo-remove", f"patient/{patient}", {"patient": patient, "before": before, "after": None})


def remade(data: bytes) -> bytes:
    """JPEG of at most 480 px a side, upright, on white, without anything beside the picture. Raises: UnreadableError."""
    if not data or len(data) > MOST_BYTES:
        raise UnreadableError("the photo is missing or larger than 8 MB", remedy="take a smaller one", field="photo", says="photo-size")
    try:
        with Image.open(io.BytesIO(data), formats=tuple(_MOST_PIXELS)) as image:
            if image.width * image.height > _MOST_PIXELS[image.format or "PNG"]:
                raise _unreadable()
            image.draft("RGB", (_SIDE_PX * 2, _SIDE_PX * 2))
            upright = ImageOps.exif_transpose(image).convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as exc:
        raise _unreadable() from exc
    upright.thumbnail((_SIDE_PX, _SIDE_PX))
    flat = Image.new("RGB", upright.size, (255, 255, 255))
    flat.paste(upright, mask=upright.getchannel("A"))
    out = io.BytesIO()
    flat.save(out, "JPEG", quality=_QUALITY, optimize=True)
    return out.getvalue()


def _unreadable() -> UnreadableError:
    return UnreadableError("this is no photo", remedy="choose a JPEG, PNG or WebP picture", field="photo", says="photo")
