"""The one exception tree.

RatiocastError
├── BadInput            a file, row, field or argument is wrong        exit 2 / HTTP 400
│   ├── BadSettings     the configuration is invalid                   exit 2
│   ├── CutOff          a file ends in the middle                      exit 2 / HTTP 400
│   └── UnknownRule     no such jurisdiction, band or option           exit 2 / HTTP 400
├── NotFound            no such center, room, incident, plan           exit 1 / HTTP 404
├── Unauthenticated     no key, a bad key, a bad signature             exit 1 / HTTP 401
├── Forbidden           the key's role or center does not allow it     exit 1 / HTTP 403
├── Conflict            somebody else changed it meanwhile             exit 1 / HTTP 409
├── TooLarge            the body is above the limit                    exit 1 / HTTP 413
├── TooManyFailures     too many bad keys or passwords from one place  exit 1 / HTTP 429
├── LeakageError        something not yet known at the origin was read exit 1 / HTTP 500
├── PlatformError       the childcare platform                         exit 1 / HTTP 502
│   ├── PlatformUnavailable  did not answer, 429 or 5xx to the end
│   ├── PlatformRefused      401 or 403: the token lacks the right
│   └── PlatformMalformed    answered something that is not the contract
└── StoreError          a store cannot be read or written              exit 1 / HTTP 503
    ├── StoreBusy       another writer holds it
    └── NothingPublished  no snapshot has been published yet
"""


class RatiocastError(Exception):
    """Base of every error the product raises on purpose; its text is a sentence for a person."""

    exit_code = 1
    http_status = 500


class BadInput(RatiocastError):
    """What was given is wrong; the sentence names file, row or field and what to do."""

    exit_code = 2
    http_status = 400


class BadSettings(BadInput):
    pass


class CutOff(BadInput):
    pass


class UnknownRule(BadInput):
    pass


class NotFound(RatiocastError):
    http_status = 404


class Unauthenticated(RatiocastError):
    http_status = 401


class Forbidden(RatiocastError):
    http_status = 403


class Conflict(RatiocastError):
    http_status = 409


class TooLarge(RatiocastError):
    http_status = 413


class TooManyFailures(RatiocastError):
    http_status = 429


class LeakageError(RatiocastError):
    """A read reached past its origin: the result would know the future."""


class PlatformError(RatiocastError):
    http_status = 502


class PlatformUnavailable(PlatformError):
    pass


class PlatformRefused(PlatformError):
    pass


class PlatformMalformed(PlatformError):
    pass


class StoreError(RatiocastError):
    http_status = 503


class StoreBusy(StoreError):
    pass


class NothingPublished(StoreError):
    pass
