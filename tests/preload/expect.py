"""expect.py REPORT EXPRESSION: ends with 0 when the expression is true of every line of the report, else prints why not."""

import json
import sys


def main():
    path, expression = sys.argv[1:]
    try:
        with open(path) as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return "no report was written: the library was not loaded, or the program was killed"
    if not lines:
        return "the report is empty"
    for line in lines:
        try:
            report = json.loads(line)
        except ValueError as error:
            return f"not JSON ({error}): {line}"
        parks = report.get("parks", {})
        names = report | {"processes": len(lines), "parked": lambda *calls: sum(parks.get(call, 0) for call in calls)}
        try:
            if not eval(expression, {}, names):
                return f"not so: {expression}; the report: {line}"
        except NameError as error:
            return f"{error} in the report: {line}"
    return None


if wrong := main():
    print(wrong)
    sys.exit(1)
