"""Checkpoints: named state that is replicated, and outlives programs and nodes (SA Forum CKPT B.02.02 and A.01.01)."""

from openais.client.async_ckpt import AsyncCheckpoint, AsyncCkpt, AsyncWatch
from openais.client.ckpt import Checkpoint, Ckpt, Watch
from openais.client.ckpt_events import ChangedSections, CheckpointOpenResult, SynchronizeResult
from openais.client.ckpt_operations import EVERYTHING, READ_WRITE, CkptCallbacks, creation_attributes
from openais.client.replicated_dict import JSON, Codec, ReplicatedDict
from openais.messages.ckpt import CheckpointStatus, Failure, Updated
from openais.messages.ckpt import Descriptor as SectionDescriptor
from openais.messages.ckpt_operations import (
    DEFAULT_SECTION,
    GENERATED_SECTION,
    Attributes,
    Create,
    CreationFlags,
    Delete,
    Element,
    OpenFlags,
    Overwrite,
    Put,
    SectionsChosen,
    SectionState,
    SetExpiration,
    Write,
)
from openais.types import DispatchFlags, NodeId, Version

__all__ = [
    "DEFAULT_SECTION",
    "EVERYTHING",
    "GENERATED_SECTION",
    "JSON",
    "READ_WRITE",
    "AsyncCheckpoint",
    "AsyncCkpt",
    "AsyncWatch",
    "Attributes",
    "ChangedSections",
    "Checkpoint",
    "CheckpointOpenResult",
    "CheckpointStatus",
    "Ckpt",
    "CkptCallbacks",
    "Codec",
    "Create",
    "CreationFlags",
    "Delete",
    "DispatchFlags",
    "Element",
    "Failure",
    "NodeId",
    "OpenFlags",
    "Overwrite",
    "Put",
    "ReplicatedDict",
    "SectionDescriptor",
    "SectionState",
    "SectionsChosen",
    "SetExpiration",
    "SynchronizeResult",
    "Updated",
    "Version",
    "Watch",
    "Write",
    "creation_attributes",
]
