"""The checkpoint service: `Ckpt` in `service`, and its parts."""

from openais.services.ckpt.service import Ckpt

__all__ = ["Ckpt"]
