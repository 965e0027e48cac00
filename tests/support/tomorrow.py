"""`python -m tests.support.tomorrow minor|major COMMAND`: tailorbird as a later version of the code may be. A minor one has one
more field at the end of a profile; a major one gives its profiles a schema version that today's workers do not write."""

import sys

import msgspec

from models.contracts import profile

SIZE = 7


class Profile(profile.Profile, array_like=True, kw_only=True):
    """With a field that nobody knows today."""

    shoe_size: int = 0


def minor() -> None:
    """Reads and writes the longer profile."""
    decoder = msgspec.msgpack.Decoder(Profile)

    def read(raw: bytes) -> profile.Profile:
        return decoder.decode(raw)

    def write(profile_: profile.Profile) -> bytes:
        fields = {name: getattr(profile_, name) for name in profile.Profile.__struct_fields__}
        return profile.pack(Profile(**fields, shoe_size=SIZE))

    vars(profile).update(decode_profile=read, encode_profile=write)


def major() -> None:
    """Reads every version up to its own, writes its own."""
    write = profile.encode_profile
    later = profile.SCHEMA + 1
    vars(profile).update(SCHEMA=later, encode_profile=lambda profile: write(msgspec.structs.replace(profile, v=later)))


if __name__ == "__main__":
    {"minor": minor, "major": major}[sys.argv.pop(1)]()
    from tailorbird import main  # imports what reads and writes profiles, which is to find the later version

    main()
