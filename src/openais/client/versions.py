"""The version database of a library, and the check of the version that an application asks for."""

from __future__ import annotations

from collections.abc import Iterable

from openais.types import Version, VersionError


class VersionDatabase:
    """The versions that a library supports (struct saVersionDatabase).

    The rules of the SA Forum specification, for all saXxxInitialize: a version asked for is supported when the library
    supports its release code with the same or a higher major version; the minor version is not looked at. The answer
    is the highest version with that release code. A release code is taken in small letters too.
    """

    def __init__(self, supported: Iterable[Version]) -> None:
        self.supported: tuple[Version, ...] = tuple(sorted(supported, reverse=True))
        """Highest first."""
        assert self.supported

    def verify(self, required: Version) -> Version:
        """The version in force for an application that asks for `required` (saVersionVerify). Raises VersionError."""
        answer = self.nearest(required)
        if answer.release != required.release.upper() or answer.major < required.major:
            known = ", ".join(str(version) for version in self.supported)
            raise VersionError(f"version {required} is not supported, nearest is {answer}; supported: {known}")
        return answer

    def nearest(self, required: Version) -> Version:
        """What the version parameter of saXxxInitialize holds afterwards, whether it succeeded or not.

        The highest version of the release code asked for; if there is none, of the lowest higher release code; if
        there is none either, of the highest.
        """
        release = required.release.upper()
        higher = [version.release for version in self.supported if version.release >= release]
        chosen = min(higher) if higher else self.supported[0].release
        return next(version for version in self.supported if version.release == chosen)
