"""Money, states, events and the hash chain of AEX. Start with kernel.py, then store.py."""
