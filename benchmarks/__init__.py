"""Measures group messaging through the whole stack; see README.md beside this file."""
