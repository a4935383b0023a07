"""A SLURM cluster of one node on this machine: its own munged, slurmctld and slurmd, on ports of its own.

It needs root and Debian's packages slurm-wlm and munge. It stops only what it started.
"""

import os
import re
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scancel")

CONFIGURATION = """\
ClusterName=medloc
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
MinJobAge=3600
KillWait=30
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} State=UNKNOWN
PartitionName=short Nodes={host} Default=YES MaxTime=30 State=UP
"""
"""`cred_expire` is also how long a job that was put back into the queue waits: 120 s by default."""


class Cluster:
    """What tests ask of a running cluster.

    Attributes:
        folder: Its files and logs.
        host: Name of its node.
    """

    def __init__(self, folder, host):
        self.folder, self.host = folder, host
        self.environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf"), "OMP_NUM_THREADS": "1"}

    def ask(self, *words):
        """Return what a command of SLURM's prints."""
        env = self.environment
        return subprocess.run(words, env=env, capture_output=True, text=True, check=True, timeout=60).stdout

    def jobs(self):
        """Return job id -> the fields of `scontrol show job`, finished jobs included."""
        records = self.ask("scontrol", "show", "job", "--oneliner").splitlines()
        fields = [dict(re.findall(r"(\w+)=(\S*)", line)) for line in records if "JobId=" in line]
        return {found["JobId"]: found for found in fields}

    def states(self, before=()):
        """Return the states of all jobs but those of `before`, sorted."""
        return sorted(fields["JobState"] for job, fields in self.jobs().items() if job not in before)


@contextmanager
def cluster(folder: Path):
    """Yield a cluster whose node takes jobs; stop it in the end."""
    host = socket.gethostname().partition(".")[0]
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    text = CONFIGURATION.format(host=host, folder=folder, ports=_free_ports(2), cores=os.cpu_count())
    (folder / "slurm.conf").write_text(text)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    found = Cluster(folder, host)
    munge = ["munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket"]
    munge += [f"--{name}={folder}/munge.{name}" for name in ("pid-file", "log-file", "seed-file")]
    daemons = []
    try:
        for command in (munge, ["slurmctld", "-D"], ["slurmd", "-D"]):
            log = (folder / f"{command[0]}.log").open("w")
            daemons.append(subprocess.Popen(command, env=found.environment, stdout=log, stderr=log))
            wait_for((folder / "munge.socket").exists, 30)
        wait_for(lambda: "idle" in found.ask("sinfo", "--noheader", "--format=%T"), 60)
        yield found
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
        for daemon in daemons:
            try:
                daemon.wait(30)
            except subprocess.TimeoutExpired:
                daemon.kill()


def missing_programs():
    """Return the programs that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


def wait_for(holds, seconds):
    """Wait until `holds()`; fail after `seconds`."""
    until = time.monotonic() + seconds
    while True:
        try:
            if holds():
                return
        except subprocess.CalledProcessError:
            pass  # the controller does not answer yet
        assert time.monotonic() < until, f"not so after {seconds} s"
        time.sleep(0.2)


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
