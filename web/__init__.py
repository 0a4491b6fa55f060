"""AEX's own pages: reads the ledger, writes nothing. Start with app.py."""
