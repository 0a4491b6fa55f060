"""What makes runtimes read HTTPS_PROXY that would not by themselves; --no-shims leaves it out."""
