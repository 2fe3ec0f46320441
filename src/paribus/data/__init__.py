"""Images: from a name, a folder or a file to one uint8 tensor per split, and from there to batch k."""

from paribus.data.batches import Batches
from paribus.data.builtin import DATASETS
from paribus.data.images import ImageData, Split
from paribus.data.sources import data_settings, is_at_hand, load_data, recorded_by

__all__ = ["DATASETS", "Batches", "ImageData", "Split", "data_settings", "is_at_hand", "load_data", "recorded_by"]
