"""Joins everything: the gateway, its addons, the command line. Start with pipeline.py."""
