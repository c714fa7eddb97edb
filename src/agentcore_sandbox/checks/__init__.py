"""What `doctor` looks at: tables of small functions, each with one outcome."""
