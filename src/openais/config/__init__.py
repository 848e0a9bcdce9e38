"""openais.conf, flags and environment variables to typed, validated settings."""
