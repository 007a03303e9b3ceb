"""A peer of `s4 detect patterns`: stumpy's matrix profile of a whole series.

Reads {"values": [...], "length": m} as JSON on stdin; writes its CPU-seconds, each stretch's distance, and the version.
"""

import json
import sys
import time
from importlib import metadata

import numpy as np
import stumpy


def main() -> None:
    request = json.load(sys.stdin)
    values, length = np.array(request["values"], np.float64), request["length"]
    stumpy.config.STUMPY_EXCL_ZONE_DENOM = (
        2  # stretches that overlap by half or more are not compared, as in ours
    )
    stumpy.stump(values[: 4 * length], m=length)  # compile what is compiled
    start = time.process_time()
    profile = stumpy.stump(values, m=length)
    seconds = time.process_time() - start
    answer = {
        "cpu_s": seconds,
        "distance": [float(each) for each in profile[:, 0]],
        "version": metadata.version("stumpy"),
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
