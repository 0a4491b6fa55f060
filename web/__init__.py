"""AEX's own pages: reads the ledger, acts by what it is handed. Start with app.py."""
