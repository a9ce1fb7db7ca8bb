"""User-space memory of processes: anonymous pages that are resident, in bytes."""


def anonymous(pids):
    return sum(map(_of_process, pids))


def _of_process(pid):
    with open(f"/proc/{pid}/status") as f:
        for line in f:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    raise RuntimeError("this kernel does not tell RssAnon")
