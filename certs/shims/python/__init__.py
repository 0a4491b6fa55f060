"""The directory that goes on PYTHONPATH."""
