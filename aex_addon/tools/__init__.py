"""Tools that agents may have run: what one is, how it is kept, and the sandbox that it runs in."""
