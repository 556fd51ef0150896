"""The stages of a call. `services/gl/pipeline.py` lists them in the order in which they run."""
