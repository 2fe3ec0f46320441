"""What everything downstream sees of a trained run: sample, decode, encode, reconstruct."""

from paribus.models.files import load_model, save_model
from paribus.models.model import Model
from paribus.models.networks import build_networks

__all__ = ["Model", "build_networks", "load_model", "save_model"]
