"""Every kind of picture against pixels that are known or computed apart from the code."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from paribus.data.decoding import BadImage, Recipe, decoded, strict_decoding

OWN = Recipe(size=None, channels=None)


def encode(image: Image.Image, format: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def decode(content, recipe: Recipe = OWN) -> np.ndarray:
    with strict_decoding():
        pixels = decoded(content, recipe)
    return np.frombuffer(pixels.content, np.uint8).reshape(pixels.size, pixels.size, pixels.channels)


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "GIF"])
def test_grey_is_exact_and_has_one_channel(pixels, format):
    content = pixels(8, 8)
    np.testing.assert_array_equal(decode(encode(Image.fromarray(content), format))[..., 0], content)


@pytest.mark.parametrize(("format", "options"), [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": True})])
def test_rgb_is_exact(pixels, format, options):
    content = pixels(8, 8, 3)
    np.testing.assert_array_equal(decode(encode(Image.fromarray(content), format, **options)), content)


def test_black_and_white_becomes_0_and_255(pixels):
    bits = pixels(8, 8) > 127
    np.testing.assert_array_equal(decode(encode(Image.fromarray(bits)))[..., 0], bits * np.uint8(255))


@pytest.mark.parametrize(("background", "value"), [("white", 255), ("black", 0)])
@pytest.mark.parametrize("channels", [3, 1])
def test_transparency_is_laid_onto_the_background(pixels, background, value, channels):
    mode = "RGBA" if channels == 3 else "LA"
    content = pixels(8, 8, channels + 1)
    content[0, :, -1], content[1, :, -1] = 0, 255
    shown = decode(encode(Image.frombytes(mode, (8, 8), content.tobytes())), Recipe(None, None, background))
    alpha = content[..., -1:] / 255
    expected = content[..., :-1] * alpha + value * (1 - alpha)
    assert shown.shape == (8, 8, channels)
    assert np.abs(shown - expected).max() <= 1
    assert (shown[0] == value).all()
    np.testing.assert_array_equal(shown[1], content[1, :, :-1])


def test_palette_with_a_transparent_entry():
    image = Image.new("P", (8, 8), 1)
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((3, 2), 0)
    shown = decode(encode(image, transparency=0))
    assert shown[2, 3].tolist() == [255, 255, 255]
    assert shown[0, 0].tolist() == [40, 50, 60]


def test_transparent_colour_of_rgb_and_transparent_level_of_grey():
    rgb = Image.new("RGB", (8, 8), (1, 2, 3))
    assert (decode(encode(rgb, transparency=(1, 2, 3))) == 255).all()
    grey = Image.new("L", (8, 8), 7)
    shown = decode(encode(grey, transparency=7), Recipe(None, None, "black"))
    assert shown.shape == (8, 8, 1)
    assert (shown == 0).all()


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled(format):
    values = np.linspace(0, 65_535, 64).astype(np.uint16).reshape(8, 8)
    shown = decode(encode(Image.fromarray(values), format))
    np.testing.assert_array_equal(shown[..., 0], np.round(values / 257).astype(np.uint8))
    assert shown.min() == 0
    assert shown.max() == 255


def test_cmyk():
    cyan = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    assert np.abs(decode(encode(cyan, "TIFF")).astype(int) - [0, 255, 255]).max() == 0
    shown = decode(encode(cyan, "JPEG", quality=100)).astype(int)
    assert np.abs(shown - [0, 255, 255]).max() <= 3


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize(("orientation", "turn"), [(3, 2), (6, -1), (8, 1)])
def test_exif_orientation_is_applied_to_the_content(format, orientation, turn):
    content = np.zeros((16, 16, 3), np.uint8)
    content[:8, :8] = 255  # white in the upper left quarter
    exif = Image.Exif()
    exif[274] = orientation
    options = {"lossless": True} if format == "WEBP" else {}
    shown = decode(encode(Image.fromarray(content), format, exif=exif, **options))
    assert np.abs(shown.astype(int) - np.rot90(content, turn)).max() < 40


@pytest.mark.parametrize(("width", "height", "box"), [(12, 8, (2, 0, 10, 8)), (8, 13, (0, 2, 8, 10))])
def test_the_central_square_is_cropped(pixels, width, height, box):
    content = pixels(height, width)
    shown = decode(encode(Image.fromarray(content)))
    np.testing.assert_array_equal(shown[..., 0], content[box[1] : box[3], box[0] : box[2]])


@pytest.mark.parametrize(
    ("size", "resampling"),
    [(8, Image.Resampling.LANCZOS), (13, Image.Resampling.LANCZOS), (50, Image.Resampling.BICUBIC)],
)
def test_resizing_is_pil_s_with_antialiasing(pixels, size, resampling):
    image = Image.fromarray(pixels(32, 32, 3))
    shown = decode(encode(image), Recipe(size, None))
    np.testing.assert_array_equal(shown, np.asarray(image.resize((size, size), resampling)))


def test_reducing_does_not_alias():
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255
    shown = decode(encode(Image.fromarray(stripes)), Recipe(8, None)).astype(int)
    assert np.abs(shown[:, 1:-1] - 127.5).max() < 3  # taking every eighth pixel would give 0 or 255


def test_colour_to_grey_is_luma_and_grey_to_colour_repeats(pixels):
    content = pixels(8, 8, 3)
    grey = decode(encode(Image.fromarray(content)), Recipe(None, 1))[..., 0]
    assert np.abs(grey - content @ [0.299, 0.587, 0.114]).max() <= 0.51
    level = pixels(8, 8)
    rgb = decode(encode(Image.fromarray(level)), Recipe(None, 3))
    np.testing.assert_array_equal(rgb, np.repeat(level[..., None], 3, 2))


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_first_of_several_frames(format):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    options = {"lossless": True} if format == "WEBP" else {}
    content = encode(frames[0], format, save_all=True, append_images=frames[1:], **options)
    assert decode(content)[0, 0].tolist() == [255, 0, 0]
    with strict_decoding():
        assert decoded(content, OWN).changes == ("animated",)


def big_png(width: int, height: int) -> bytes:
    content = bytearray(encode(Image.new("L", (8, 8))))
    content[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    import zlib

    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file (0 bytes)"),
        (b"hello", "not an image in a known format"),
        (None, "no picture is stored"),
        (encode(Image.new("L", (1, 9))), "1x9 pixels, smaller than 2"),
        (
            encode(Image.fromarray(np.zeros((8, 8), np.float32)), "TIFF"),
            "floating-point pixels, which have no defined range",
        ),
        (big_png(16_000, 16_000), "more than 200,000,000 pixels (a decompression bomb?)"),
        (big_png(60_000, 60_000), "more than 200,000,000 pixels (a decompression bomb?)"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n", "not an image in a known format"),
    ],
)
def test_bad_pictures_have_a_reason(content, reason):
    with pytest.raises(BadImage, match="^" + reason.replace("(", r"\(").replace(")", r"\)").replace("?", r"\?") + "$"):
        decode(content)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_truncated_files_are_bad(pixels, format, share):
    content = encode(Image.fromarray(pixels(64, 64, 3)), format)
    with pytest.raises(BadImage):
        decode(content[: int(share * len(content))])


@pytest.mark.parametrize("mode", ["L", "RGB", "I;16"])
@pytest.mark.parametrize("side", ["width", "height"])
def test_a_tiff_that_claims_more_than_its_strips_hold_is_damaged(mode, side):
    content = bytearray(encode(Image.new(mode, (8, 8)), "TIFF"))
    tag = (256 if side == "width" else 257).to_bytes(2, "little")
    at = next(at for at in range(8, len(content), 1) if content[at : at + 2] == tag)
    content[at + 2 : at + 12] = b"\x04\x00" + (1).to_bytes(4, "little") + (1_000_000).to_bytes(4, "little")
    with pytest.raises(BadImage, match="damaged or cut short"):
        decode(bytes(content))
