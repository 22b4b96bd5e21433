"""Runs the matrix and prints a line for each of its lines; ends with 1 where one does not pass."""

import argparse
import json
import sys
import traceback

import around  # noqa: F401
import bench
import containers  # noqa: F401


def outcome(test):
    try:
        test()
        return "pass", ""
    except AssertionError as error:
        return "FAIL", str(error) or traceback.format_exc(limit=-1)
    except Exception as error:  # whatever a client makes of an answer is the emulator's outcome
        return "FAIL", f"{type(error).__name__}: {error}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", help="writes the outcomes there")
    parser.add_argument("--only", default="", help="lines that contain this")
    options = parser.parse_args()
    outcomes = []
    for area, text, test in bench.LINES:
        if options.only in f"{area} {text}":
            result, why = outcome(test)
            outcomes.append({"area": area, "line": text, "outcome": result, "why": why})
            print(f"{result} {area}: {text}" + (f"\n     {why[:300]}" if why else ""), flush=True)
    passed = sum(it["outcome"] == "pass" for it in outcomes)
    print(f"{passed} of {len(outcomes)} pass")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(outcomes, file, indent=1)
    sys.exit(passed != len(outcomes))


main()
