"""One picture: from an encoded file to square 8-bit pixels."""

from __future__ import annotations

import contextlib
import io
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps, PngImagePlugin, TiffImagePlugin, WebPImagePlugin  # noqa: F401  (they register formats)

from paribus.data.raw import CentreCut, Encoded

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
EXTENSIONS = frozenset(
    {".png", ".jpg", ".jpeg", ".jfif", ".jpe", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".pbm", ".pgm", ".ppm", ".pnm"}
)
MOST_PIXELS = 200_000_000
"""Pixels that an encoded picture may have: a sheet of A4 at 1,200 dots an inch has 140 million."""
_LARGE = 25_000_000  # pixels; such pictures are decoded one at a time, and JPEGs at a fraction of their size
_DRAFT = 8  # times the wanted size, that a large JPEG is decoded at: reducing that further shows no difference
_MOST_TEXT = 64 << 20  # bytes of compressed text or of a colour profile in a PNG
_PROFILE_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}
_GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N"})
_ORIENTATION_HOLDERS = ("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp")
_TURNING = range(2, 9)  # orientations of EXIF that are not upright
_ANIMATED = frozenset({"GIF", "PNG", "WEBP", "TIFF"})
SMALLEST_SIZE, LARGEST_SIZE = 8, 128
"""Sizes in pixels that models are built for."""
_SMALLEST = 2
_RGB = 3


class BadImage(Exception):
    """A picture that cannot be used; the message is the reason."""


class TooManyPixels(BadImage):
    """A picture that is larger than is wanted; the message is its number of pixels."""


@dataclass(frozen=True)
class Recipe:
    """How every picture of a set is brought to one form.

    Args:
        size: Height and width in pixels, or None for each picture's own (after the crop to a square).
        channels: 1 or 3, or None for each picture's own.
        background: What transparent pixels are laid onto.
        cut: A fixed cut before everything else, or None.
        most_pixels: A larger picture is refused before it is decoded; None for PIL's own limit alone.
    """

    size: int | None
    channels: int | None
    background: str = "white"
    cut: CentreCut | None = None
    most_pixels: int | None = None


@dataclass(frozen=True)
class Pixels:
    """A decoded picture.

    Args:
        content: size x size x channels bytes, row by row; empty where the size is open and over 128.
        size: Height and width in pixels.
        channels: 1 or 3.
        changes: What was done to it: any of cut, flattened, cropped, reduced, enlarged, animated, greyed,
            coloured, profiled (to sRGB), turned (by its EXIF orientation), from_cmyk, eight_bits (from 16),
            metadata_unread.
        pages: Its format and how many frames or pages after the first one were left out, where there are any.
    """

    content: bytes
    size: int
    channels: int
    changes: tuple[str, ...] = ()
    pages: tuple[str, int] | None = None


@contextlib.contextmanager
def strict_decoding() -> Iterator[None]:
    """Turns PIL's warning of a decompression bomb into an error, silences its others and sets its limits, for all
    threads.
    """
    before = Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK = MOST_PIXELS, _MOST_TEXT
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK = before


_ONE_AT_A_TIME = threading.Lock()


def decoded(encoded: Encoded, recipe: Recipe) -> Pixels:
    """Decodes one picture, inside `strict_decoding()`.

    In this order: first frame, EXIF orientation, the set's fixed cut, its colour profile to sRGB, transparency onto the
    background, 8 bits, a crop of the central square, grey or RGB, and a resize. Damaged EXIF data and colour profiles
    are read over. A JPEG of over 25 million pixels is reduced while it is decoded, to not less than 8 times the wanted
    size. Grey is ITU-R 601 luma; RGB from grey repeats it. Reducing uses
    Lanczos, which PIL widens by the factor of reduction so that it does not alias; enlarging uses bicubic.

    Raises:
        BadImage: It cannot be read, or is smaller than 2 pixels, or its pixels have no defined range.
    """
    try:
        image = source = opened(encoded)
        if recipe.most_pixels is not None and image.width * image.height > recipe.most_pixels:
            raise TooManyPixels(f"{image.width * image.height:,} pixels")
        large = image.width * image.height > _LARGE
        with _ONE_AT_A_TIME if large else contextlib.nullcontext():
            if large and recipe.size is not None:
                image.draft(None, (_DRAFT * recipe.size, _DRAFT * recipe.size))
            if isinstance(source, TiffImagePlugin.TiffImageFile):
                _refuse_missing_rows(source)
            image.load()
            changes: list[str] = []
            pixels = _brought_to_form(_turned(image, changes), recipe, changes)
        if source.format in _ANIMATED and getattr(source, "is_animated", False):
            further = getattr(source, "n_frames", 2) - 1
            pixels = replace(pixels, changes=(*pixels.changes, "animated"), pages=(str(source.format), further))
        return pixels
    except (BadImage, MemoryError):
        raise
    except Exception as error:
        raise BadImage(unreadable_reason(error, encoded)) from None


def opened(encoded: Encoded) -> Image.Image:
    """A picture whose header was read and whose pixels were not yet decoded.

    Raises:
        BadImage: There is nothing to read; PIL raises other errors.
    """
    if encoded is None:
        raise BadImage("no picture is stored")
    if isinstance(encoded, Image.Image):
        return encoded
    if isinstance(encoded, Path) and not encoded.is_file():
        if encoded.exists():
            raise BadImage("not a file (a pipe, a socket or a device)")
        raise BadImage("a link to a file that is not there" if encoded.is_symlink() else "there is no such file")
    content = encoded.read_bytes() if isinstance(encoded, Path) else encoded
    if not content:
        raise BadImage("empty file (0 bytes)")
    return Image.open(io.BytesIO(content), formats=FORMATS)


def _refuse_missing_rows(image: TiffImagePlugin.TiffImageFile) -> None:
    """A TIFF may claim rows for which it has no strip; PIL leaves them black without a word."""
    extents = [tile[1] for tile in image.tile if tile[1]]
    columns, rows = (max((extent[edge] for extent in extents), default=0) for edge in (2, 3))
    if extents and (columns < image.width or rows < image.height):
        raise BadImage(f"damaged or cut short (pixels of {columns}x{rows} in place of {image.width}x{image.height})")


def _turned(image: Image.Image, changes: list[str]) -> Image.Image:
    """The picture as its EXIF orientation says, where that can be read."""
    if image.format != "TIFF" and not any(holder in image.info for holder in _ORIENTATION_HOLDERS):
        return image
    try:
        as_is = image.getexif().get(ExifTags.Base.Orientation, 1)
        turned = ImageOps.exif_transpose(image) or image
        if as_is in _TURNING:
            changes.append("turned")
        return turned
    except Exception:  # damaged EXIF data raise a dozen kinds
        changes.append("metadata_unread")
        return image


def _in_srgb(image: Image.Image, changes: list[str]) -> Image.Image:
    """The picture in sRGB, where it has a colour profile of another space; its mode may become L, RGB or RGBA."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("L", "LA", "RGB", "RGBA", "P", "CMYK"):
        return image
    grey, transparent = image.mode in _GREY_MODES, image.has_transparency_data
    mode = "L" if grey else "CMYK" if image.mode == "CMYK" else "RGB"
    try:
        to_srgb = _profile_transform(bytes(profile), mode)
        if to_srgb is None:
            return image
        alpha = image.convert("RGBA").getchannel("A") if transparent else None
        converted = to_srgb.apply(image.convert(mode))
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        changes.append("metadata_unread")
        return image
    changes.append("profiled")
    if grey:
        converted = converted.convert("L")
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


@lru_cache(maxsize=32)
def _profile_transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From a profile to sRGB; None where it is sRGB already, or a profile of pixels of another kind."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    if source.profile.xcolor_space.strip() != _PROFILE_SPACES[mode] or "sRGB" in ImageCms.getProfileDescription(source):
        return None
    return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")


def _brought_to_form(image: Image.Image, recipe: Recipe, changes: list[str]) -> Pixels:
    cut = recipe.cut
    if cut is not None and image.size == (cut.width, cut.height):
        image = image.crop(cut.box)
        changes.append("cut")
    if min(image.size) < _SMALLEST:
        raise BadImage(f"{image.width}x{image.height} pixels, smaller than {_SMALLEST}")
    channels = recipe.channels or (1 if image.mode in _GREY_MODES else _RGB)
    image = _in_srgb(image, changes)
    if image.mode == "CMYK":
        changes.append("from_cmyk")
    if image.mode not in ("L", "RGB") or "transparency" in image.info:
        image = _flattened(image, recipe.background, changes)
    if image.width != image.height:
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
        changes.append("cropped")
    if recipe.size is None and image.width > LARGEST_SIZE:
        return Pixels(b"", image.width, channels)  # it will be refused: hold no photograph in memory for that
    mode = "L" if channels == 1 else "RGB"
    if image.mode != mode:
        image = image.convert(mode)
        changes.append("greyed" if channels == 1 else "coloured")
    size = recipe.size or image.width
    if size != image.width:
        smaller = size < image.width
        image = image.resize((size, size), Image.Resampling.LANCZOS if smaller else Image.Resampling.BICUBIC)
        changes.append("reduced" if smaller else "enlarged")
    return Pixels(image.tobytes(), size, channels, tuple(changes))


def _flattened(image: Image.Image, background: str, changes: list[str]) -> Image.Image:
    """Any mode to L or RGB, without transparency."""
    if image.mode.startswith("I"):
        changes.append("eight_bits")
        return Image.fromarray(_eight_bits(np.asarray(image)))
    if image.mode == "F":
        raise BadImage("floating-point pixels, which have no defined range")
    grey = image.mode in _GREY_MODES
    if not image.has_transparency_data:
        return image.convert("L" if grey else "RGB")
    image = image.convert("RGBA")
    if image.getchannel("A").getextrema() != (255, 255):
        changes.append("flattened")
        image = Image.alpha_composite(Image.new("RGBA", image.size, background), image)
    return image.convert("L" if grey else "RGB")  # luma of equal channels is exactly their value


def _eight_bits(pixels: np.ndarray) -> np.ndarray:
    """16-bit grey to 8 bits: 0 stays 0, 65,535 becomes 255, rounded to the nearest."""
    if pixels.min() < 0 or pixels.max() > 65_535:
        raise BadImage("32-bit integer pixels, which have no defined range")
    wide = pixels.astype(np.uint32)  # in place from here on: a scan has 200 million of them
    wide *= 255
    wide += 32_767
    wide //= 65_535
    return wide.astype(np.uint8)


def unreadable_reason(error: Exception, encoded: Encoded) -> str:
    """What is the matter with a picture that PIL could not read."""
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return f"more than {MOST_PIXELS:,} pixels (a decompression bomb?)"
    if isinstance(error, Image.UnidentifiedImageError):
        return "not an image in a known format"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    if isinstance(error, FileNotFoundError):
        return "there is no such file" if isinstance(encoded, Path) else str(error)
    return f"damaged or cut short ({str(error).strip() or type(error).__name__})"
