"""The availability management framework (SA Forum AMF)."""
