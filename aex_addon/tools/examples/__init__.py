"""Two tools to install and to begin from: each is one file, with its manifest beside it."""
