"""What `aex doctor` looks at, one kind of thing a file; each look is a list of verdicts."""
