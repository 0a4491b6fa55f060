"""The operator's policy: which calls may be made, by rules of aex.toml and plugins of the home."""
