"""Pages in the browser: a server of this machine alone, the latent explorer, and what else is shown by it."""

from importlib.util import find_spec

from paribus.base.errors import ParibusError

if find_spec("fastapi") is None or find_spec("uvicorn") is None:
    raise ParibusError(
        "The explorer needs FastAPI and uvicorn.", where="paribus explore", fix="pip install 'paribus[explorer]'"
    )
