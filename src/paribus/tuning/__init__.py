"""A search for better settings of one model: trials in Optuna, and a study of the best of them on fresh seeds."""

from importlib.util import find_spec

from paribus.base.errors import ParibusError

if find_spec("optuna") is None:
    raise ParibusError("Tuning needs Optuna.", where="paribus tune", fix="pip install 'paribus[tune]'")
