"""Models that leave their run's folder: as ONNX files, as folders for the Hugging Face Hub, inside a report's page."""
