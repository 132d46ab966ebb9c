"""Check an exported audit log without Ratiocast: python verify_audit.py audit.jsonl [head.json]

Needs Python 3.8 or newer and nothing else. The export has one JSON object per line (`ratiocast audit export`). Each
entry carries the SHA-256 of its own fields and of the entry before it, so that a change, a gap or an insertion shows. A
head sent out earlier (`ratiocast audit head`) shows whether the log was rewritten or cut off since.
Exit code 0: the log holds. 1: it does not. 2: the files cannot be read.
"""

import hashlib
import json
import sys
from pathlib import Path

HASHED = (
    "number", "center_id", "at", "actor", "action", "subject", "correlation_id", "rule_version", "before", "after",
    "previous_hash",
)  # fmt: skip


def digest(entry):
    """SHA-256 of the entry without its hash, as JSON with sorted keys and no blanks, in UTF-8."""
    text = json.dumps({name: entry[name] for name in HASHED}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def check(entries, head=None):
    """The faults, as sentences; none if the log holds."""
    faults, previous, expected, seen = [], "0" * 64, 1, head is None or head["number"] == 0
    for entry in entries:
        number = entry["number"]
        if number != expected:
            faults.append(f"entry {expected} is missing: {number} follows")
        if entry["previous_hash"] != previous:
            faults.append(f"entry {number} does not follow the entry before it")
        if digest(entry) != entry["hash"]:
            faults.append(f"entry {number} was changed after it was written")
        if head and number == head["number"]:
            seen = True
            if entry["hash"] != head["hash"]:
                faults.append(f"entry {number} is not the one whose hash was sent out on {head['at']}")
        previous, expected = entry["hash"], number + 1
    if not seen:
        faults.append(f"entry {head['number']} was sent out on {head['at']} and is missing")
    return faults


def main(files):
    try:
        entries = [json.loads(line) for line in Path(files[0]).read_text(encoding="utf-8").split("\n") if line.strip()]
        head = json.loads(Path(files[1]).read_text(encoding="utf-8")) if len(files) > 1 else None
        faults = check(entries, head)
    except (IndexError, OSError, KeyError, TypeError, ValueError) as error:
        print(f"cannot be read: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    print("\n".join(faults) or f"{len(entries)} entries, unbroken; last hash {entries[-1]['hash'] if entries else '-'}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
