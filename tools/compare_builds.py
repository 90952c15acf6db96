"""Compare the speed of builds of mlpcore, turn by turn.

    pip install --no-deps --target before .      (at one commit)
    pip install --no-deps --target after .       (at another one)
    python tools/compare_builds.py before after
    python tools/compare_builds.py --only "train 784" --threads 2 before after

A process for each build does a few milliseconds of a workload, then the next one does,
and so on; what is printed is the median of the ratios of neighbouring turns. Whatever
else the machine does takes turns much longer than these, so it slows both: the ratio of
a build to itself stays within half a percent even where times vary by a factor of two.
The workloads are those of `python -m mlpcore.bench`. 10 % is the tenth of a build's
turns that were fastest, when the machine was nearly its own.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path


def serve(build, name, threads, seconds):
    """Be the process of one build: a turn for each line of input."""
    sys.path.insert(0, str(build))
    import mlpcore
    from mlpcore.bench._worker import available_cpus
    from mlpcore.bench._workloads import WORKLOADS
    from mlpcore.bench.rivals import OURS, RIVALS

    if build not in Path(mlpcore.__file__).parents:
        sys.exit(
            f"wanted mlpcore from {build}, got {mlpcore.__file__}: leave an "
            "environment with an editable install"
        )
    workload = next(w for w in WORKLOADS if w.name == name)
    ours = RIVALS[OURS]
    ours.start(threads)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, available_cpus()[-threads:])
    x, y = workload.data()
    if workload.task == "predict":
        call = ours.make_predictor("", workload, workload.weights(), x).predict
        steps = 1
    else:
        steps = min(workload.steps, 4 if workload.net.width >= 1024 else 32)
        training = ours.make_training("", workload, workload.weights(), x, y)

        def call():
            training.train(steps)

    call()
    start = time.perf_counter()
    call()
    calls = max(1, round(seconds / (time.perf_counter() - start)))
    for _ in sys.stdin:
        start = time.perf_counter()
        for _ in range(calls):
            call()
        print((time.perf_counter() - start) / (calls * steps), flush=True)


def turns(build, name, arguments):
    """Start the process of one build."""
    command = [sys.executable, __file__, str(build.resolve()), "--serve", name]
    command += ["--threads", str(arguments.threads)]
    command += ["--milliseconds", str(arguments.milliseconds)]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def compare(name, arguments):
    """Return each build's times for a workload, seconds, in the order of the turns."""
    processes = [turns(build, name, arguments) for build in arguments.builds]
    times = [[] for _ in processes]
    try:
        for i in range(arguments.rounds):
            order = list(zip(processes, times, strict=True))
            for process, of_build in order if i % 2 == 0 else order[::-1]:
                process.stdin.write("\n")
                process.stdin.flush()
                answer = process.stdout.readline()
                if not answer:
                    sys.exit(f"the process of {process.args[2]} ended")
                of_build.append(float(answer))
    finally:
        for process in processes:
            process.stdin.close()
            process.wait()
    return times


def main():
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "builds", nargs="*", type=Path, help="folders of installed builds"
    )
    parser.add_argument("--only", default="", help="workloads whose name contains this")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=60, help="turns of each")
    parser.add_argument("--milliseconds", type=float, default=3, help="of a turn")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        build = arguments.builds[0]
        serve(build, arguments.serve, arguments.threads, arguments.milliseconds / 1000)
        return
    if len(arguments.builds) < 2:
        parser.error("two builds or more are to be compared")
    sys.path.insert(0, str(arguments.builds[0]))
    from mlpcore.bench._workloads import WORKLOADS

    print("us a step: 10 %, median; then how many times faster than the first build")
    for workload in WORKLOADS:
        if arguments.only not in workload.name:
            continue
        times = compare(workload.name, arguments)
        columns = []
        for of_build in times:
            ratio = statistics.median(
                first / own for first, own in zip(times[0], of_build, strict=True)
            )
            fast = statistics.quantiles(of_build, n=10)[0]
            middle = statistics.median(of_build)
            columns.append(f"{fast * 1e6:10.2f} {middle * 1e6:10.2f} {ratio:6.3f}x")
        print(f"{workload.name:42}", "   ".join(columns), flush=True)


if __name__ == "__main__":
    main()
