"""Check an exported audit log without Ratiocast: python verify_audit.py audit.jsonl [head.json]

Needs Python 3.8 or newer and nothing else. The export is one JSON object per line (`ratiocast audit export`). Each entry
carries the SHA-256 of its own fields and of the entry before it, so that a change, a gap or an insertion shows. A head
that was sent out earlier (`ratiocast audit head`) shows whether the log was rewritten or cut off since.
Exit code 0: the log holds. 1: it does not. 2: the files cannot be read.
"""

import hashlib
import json
import sys

FIELDS = (
    "number", "center_id", "at", "actor", "action", "subject", "correlation_id", "rule_version", "before", "after",
    "previous_hash",
)  # fmt: skip


def digest(entry):
    """SHA-256 of the entry without its hash, as JSON with sorted keys and no blanks, in UTF-8."""
    fields = {name: entry[name] for name in FIELDS}
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def check(entries, head=None):
    """The faults, as sentences; none if the log holds."""
    faults, previous, expected, seen = [], "0" * 64, 1, head is None or head["number"] == 0
    for entry in entries:
        if entry["number"] != expected:
            faults.append("entry %s is missing: %s follows" % (expected, entry["number"]))
        if entry["previous_hash"] != previous:
            faults.append("entry %s does not follow the entry before it" % entry["number"])
        if digest(entry) != entry["hash"]:
            faults.append("entry %s was changed after it was written" % entry["number"])
        if head and entry["number"] == head["number"]:
            seen = True
            if entry["hash"] != head["hash"]:
                faults.append("entry %s is not the one whose hash was sent out on %s" % (head["number"], head["at"]))
        previous, expected = entry["hash"], entry["number"] + 1
    if not seen:
        faults.append("entry %s was sent out on %s and is missing" % (head["number"], head["at"]))
    return faults


def main(arguments):
    try:
        with open(arguments[0], encoding="utf-8") as file:
            entries = [json.loads(line) for line in file if line.strip()]
        head = json.load(open(arguments[1], encoding="utf-8")) if len(arguments) > 1 else None
        faults = check(entries, head)
    except (IndexError, OSError, KeyError, TypeError, ValueError) as error:
        print("cannot be read: %s: %s" % (type(error).__name__, error), file=sys.stderr)
        return 2
    print(
        "\n".join(faults)
        or "%d entries, unbroken; last hash %s" % (len(entries), entries[-1]["hash"] if entries else "-")
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
