"""Which version is in force on a connection, by the rules of the SA Forum specification."""

from __future__ import annotations

from collections.abc import Sequence

from openais.types import Version, VersionError


def negotiate(supported: Sequence[Version], required: Version) -> Version:
    """The version in force for an application that asks for `required` (the version parameter of saXxxInitialize).

    "If the implementation supports the required releaseCode, and a major version >= the required major version,
    SA_AIS_OK is returned", with the highest version of that release code. The minor version asked for is not looked
    at, and a release code may be a small letter. Raises VersionError, naming the nearest version supported, when the
    condition is not met.
    """
    required = Version(required.release.upper(), required.major, required.minor)
    same_release = [version for version in supported if version.release == required.release]
    best = max(same_release, default=None)
    if best is not None and best.major >= required.major:
        return best
    known = ", ".join(str(version) for version in sorted(supported))
    nearest = best or _nearest(supported, required)
    raise VersionError(f"version {required} is not supported, nearest is {nearest}; supported: {known}")


def _nearest(supported: Sequence[Version], required: Version) -> Version:
    """The highest of the lowest higher release code; if there is none, of the highest release code."""
    higher = [version.release for version in supported if version.release > required.release]
    release = min(higher) if higher else max(version.release for version in supported)
    return max(version for version in supported if version.release == release)
