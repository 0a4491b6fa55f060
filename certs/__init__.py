"""Make the CA, gather what clients trust, point tools at AEX; stands alone. Start with ca.py."""
