"""What each API says on the wire; pure functions over bytes. Start with wire.py, wire_format.py."""
