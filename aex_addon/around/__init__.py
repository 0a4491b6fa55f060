"""Ways around AEX: what would take one, who takes one, and a room without any."""
