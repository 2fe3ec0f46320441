"""What may stand where a value, a text or a file is expected: near misses, nonsense, and the traps of the formats."""

from __future__ import annotations

import random
from typing import Any

NUMBERS: tuple[Any, ...] = (
    -1, 0, 1, 2, 3, 7, 64, 100_000, 2**31, 2**63, 2**64, -(2**63), 10**30, 0.5, -0.0, 1.0, 1e-9, 1e-30, 5e-324, 1e12,
    1e13, 1e300, 1.8e308, float("inf"), float("-inf"), float("nan"), True, False,
)  # fmt: skip
"""None is both allowed for a setting that costs much and large."""
TEXTS = (
    "", " ", "x", "nan", "null", "yes", "1e400", "-1", "1/0", "1e999999999", "0x" + "f" * 400, "9" * 400, "9" * 5000,
    "x" * 5000, "\u202egnp.x", "a\nb", "a\tb", "\0", "\ud800", "é" * 300, "..", "../x", "/", "~", "~nobody/x",
    "gan", "vae",
    "mlp", "digits", "auto", "full", "every 1img", "every 0img", "every 1e-320img", "every", "2updates", "{}",
    "%s", "a.b",
    "none", "default", "60s", "1e400s", "9" * 400 + "img", "1e-320img", "0img", "-1s", "infs", "nans", "٣img",
    "1 img",
)  # fmt: skip
YAML = (
    "", "{}", "[]", "[[]]", "{a: {}}", "{a: 1}", "{1: 2}", "{null: 1}", "{[1]: 2}", "? {a: 1}\n: 2", "null", "~",
    "!!python/object:os.system x",
    "!!bool x", "!!int x", "!!int ''", "!!float x", "!!timestamp x", "2001-99-99", "2001-01-01", "!!binary x",
    "!!set {a}",
    "!!omap [a: 1]", "!!pairs [a: 1]", "!x y", "=", "<<: 3", "{<<: [1]}", "*a", "&a [*a]", "&a {a: *a}", "1:2:3",
    "190:20:30", "0b1",
    "0o8", "0x", "1_000", "+.inf", "-.INF", ".NaN", "1e400", "- a", "a: b: c", "'", '"\\x', "%", "@", "`", "{",
    "[" * 2000,
    "[" * 40 + "]" * 40, "[" * 200 + "]" * 200, "\t", "\x07", "\ufeff1", "0x" + "f" * 2000, "9" * 5000, "x" * 100_000,
    "{start: 1, end: 0, images: 10}", "{start: .nan, end: 0, images: 10}", "{start: 1, end: -1, images: 0}",
    "{start: 0, end: 0, images: 1}", "{start: 1e300, end: 0, images: 1e-300}", "{start: 1}",
    "{a: &a [x,x,x,x,x,x,x,x,x], b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a], c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b], "
    "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c], e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d], f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e], "
    "g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f], h: [*g,*g,*g,*g,*g,*g,*g,*g,*g]}",
)  # fmt: skip
"""Texts that YAML reads as something else than they seem, cannot read, or fails at in its own way."""


def number(draw: random.Random) -> Any:
    return draw.choice((draw.choice(NUMBERS), draw.randint(-3, 70), draw.uniform(-2, 2)))


def value(draw: random.Random, depth: int = 2) -> Any:
    """A value of any kind that YAML or JSON may hold."""
    kinds = ["number", "number", "text", "none", *(["list", "mapping"] if depth else [])]
    match draw.choice(kinds):
        case "number":
            return number(draw)
        case "text":
            return draw.choice(TEXTS)
        case "list":
            return [value(draw, depth - 1) for _ in range(draw.choice((0, 1, 2, 5)))]
        case "mapping":
            keys = ("name", "start", "end", "images", "G", "x", "", "kind", 1, None)
            return {draw.choice(keys): value(draw, depth - 1) for _ in range(draw.choice((0, 1, 2, 3)))}
    return None


def changed(draw: random.Random, tree: Any, keep: tuple[str, ...] = ()) -> Any:
    """A copy of a tree of plain values with one of them replaced, left out, doubled or renamed."""
    if isinstance(tree, dict) and tree and (draw.random() < 0.9):
        key = draw.choice([key for key in tree if key not in keep] or list(tree))
        match draw.choice(("within", "within", "within", "out", "rename", "replace")):
            case "within":
                return tree | {key: changed(draw, tree[key])}
            case "out":
                return {k: v for k, v in tree.items() if k != key}
            case "rename":
                new = draw.choice(("x", "", 3, None, str(key).upper(), f"{key} "))
                return {(new if k == key else k): v for k, v in tree.items()}
        return tree | {key: value(draw)}
    if isinstance(tree, list) and tree and draw.random() < 0.9:
        place = draw.randrange(len(tree))
        return draw.choice((
            [*tree[:place], changed(draw, tree[place]), *tree[place + 1 :]],
            tree[:place] + tree[place + 1 :],
            [*tree, tree[place]],
        ))  # fmt: skip
    return value(draw)


def damaged(draw: random.Random, content: bytes) -> bytes:
    """Bytes of which some are other, missing or more."""
    if not content:
        return draw.randbytes(draw.choice((0, 1, 100)))
    at, to = sorted((draw.randrange(len(content)), draw.randrange(len(content))))
    match draw.choice(("flip", "flip", "flips", "cut", "front", "out", "noise", "zeros", "twice", "empty", "random")):
        case "flip":
            return content[:at] + bytes([content[at] ^ (1 << draw.randrange(8))]) + content[at + 1 :]
        case "flips":
            out = bytearray(content)
            for _ in range(draw.choice((3, 30, 300))):
                out[draw.randrange(len(out))] ^= 1 << draw.randrange(8)
            return bytes(out)
        case "cut":
            return content[:at]
        case "front":
            return content[at:]
        case "out":
            return content[:at] + content[to:]
        case "noise":
            return content[:at] + draw.randbytes(min(to - at, 64)) + content[min(to, at + 64) :]
        case "zeros":
            return content[:at] + bytes(to - at) + content[to:]
        case "twice":
            return content + content[at:]
        case "empty":
            return b""
    return draw.randbytes(draw.choice((1, 16, 1000)))
