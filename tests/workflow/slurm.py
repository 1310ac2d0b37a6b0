"""A real Slurm on this machine, for tests: munged, slurmctld and two nodes, of which one has a GPU, all from a folder.

Each node is a slurmd in a PID namespace of its own, so that ending it ends all that runs there, as pulling its plug
would; and in a mount namespace of its own in which /etc/slurm is the cluster's folder, because Snakemake starts `srun`
there without SLURM_CONF. Nothing outside the folder is written.
"""

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "unshare")
ACCOUNTING_PROGRAMS = ("slurmdbd", "sacct", "sacctmgr", "mariadbd", "mariadb-install-db")
NODES = {"plain": "", "accelerated": "Gres=gpu:1"}

CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
PlugStackConfig={folder}/plugstack.conf
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
{accounting}
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
GresTypes=gpu
KillWait=2
ReturnToService=2
PartitionName=cpu Nodes=plain Default=YES
PartitionName=gpu Nodes=accelerated
"""
WITHOUT_ACCOUNTING = "MinJobAge=3600"  # seconds for which slurmctld remembers an ended job, the only one to know of it
WITH_ACCOUNTING = """
MinJobAge=2
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={port}
AccountingStoragePass={folder}/munge.socket
AccountingStorageEnforce=associations
AccountingStoreFlags=job_comment
"""
DBD_CONF = """
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost={host}
DbdAddr=127.0.0.1
DbdPort={ports[0]}
SlurmUser=root
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={ports[1]}
StorageUser=root
StorageLoc=slurm
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
"""
ACCOUNT = "lab"


@dataclass(frozen=True)
class Job:
    """What Slurm knows of a job."""

    number: int
    rule: str  # as the executor's comment has it
    state: str
    node: str  # where it is or was; empty before
    gpus: str  # what it asked for
    restarts: int
    limit: str  # of its time
    memory: str  # asked for
    seconds: int  # of its last start
    folder: str  # where it was submitted


@dataclass
class Cluster:
    """A running Slurm. Commands in `environment` talk to it."""

    folder: Path
    nodes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {"SLURM_CONF": str(self.folder / "slurm.conf")}

    def ask(self, *command: str) -> str:
        environment = {**os.environ, **self.environment}
        run = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert run.returncode == 0, f"{' '.join(command)}: {run.stdout}{run.stderr}\n{self.logs()}"
        return run.stdout

    def jobs(self) -> list[Job]:
        """All jobs so far, in the order of their numbers."""
        lines = self.ask("scontrol", "--oneliner", "show", "job").splitlines()
        return sorted((_job(line) for line in lines if line.startswith("JobId=")), key=lambda job: job.number)

    def start_node(self, name: str) -> None:
        inside = f'mount --bind "{self.folder}" /etc/slurm && exec slurmd -D -N {name}'
        command = ["unshare", "--fork", "--pid", "--mount-proc", "--kill-child", "sh", "-c", inside]
        self.nodes[name] = _start(self, command)
        self.wait(lambda: "IDLE" in self.ask("scontrol", "--oneliner", "show", "node", name), f"node {name}")

    def kill_node(self, name: str) -> None:
        """All that runs on the node ends at once."""
        node = self.nodes.pop(name)
        node.kill()
        node.wait()

    def lose_node(self, name: str) -> None:
        """Kill a node and let Slurm know, which would find out in time; its jobs start again at once, not after the two
        minutes that Slurm takes."""
        self.kill_node(name)
        lost = [job.number for job in self.jobs() if job.state == "RUNNING" and job.node == name]
        self.ask("scontrol", "update", f"NodeName={name}", "State=DOWN", "Reason=killed")
        self.wait(lambda: {job.state for job in self.jobs() if job.number in lost} <= {"PENDING"}, "requeue")
        for number in lost:
            self.ask("scontrol", "update", f"JobId={number}", "StartTime=now")

    def wait(self, until: Callable[[], Any], what: str, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < end, f"{what}: not within {seconds} s\n{self.logs()}"
            time.sleep(0.1)

    def logs(self) -> str:
        return "\n".join(f"{path.name}:\n{path.read_text()[-3000:]}" for path in sorted(self.folder.glob("*.log")))


def missing(programs: Sequence[str] = PROGRAMS) -> str | None:
    """Why no Slurm can be started here, or None."""
    gone = [program for program in programs if shutil.which(program) is None]
    if gone:
        return f"no {', '.join(gone)} here (Debian: apt-get install slurm-wlm munge slurmdbd mariadb-server)"
    if os.geteuid() != 0:
        return "Slurm's nodes get namespaces of their own here, which only root may make"
    if not Path("/etc/slurm").is_dir():
        return "no folder /etc/slurm for the nodes to see their settings in"
    if subprocess.run(["unshare", "--fork", "--pid", "--mount-proc", "true"], capture_output=True).returncode != 0:
        return "no new namespaces may be made here"
    return None


@contextmanager
def running(*, accounting: bool = False) -> Iterator[Cluster]:
    """A cluster with its files in a new folder; all its processes are gone at the end, and so is the folder.

    With accounting, jobs are kept in a database, forgotten by slurmctld, and must be of the account ACCOUNT.
    """
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    folder.chmod(0o755)  # which munge wants
    (folder / "state").mkdir()
    (folder / "spool").mkdir()
    (folder / "plugstack.conf").touch()
    (folder / "gres.conf").write_text("NodeName=accelerated Name=gpu File=/dev/null\n")
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(128))
    ports, host = _free_ports(1 + len(NODES)), socket.gethostname()
    nodes = [
        f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=8 RealMemory=16000 {gres}"
        for (name, gres), port in zip(NODES.items(), ports[1:], strict=True)
    ]
    partitions = CONF.index("PartitionName")
    conf = CONF[:partitions] + "\n".join(nodes) + "\n" + CONF[partitions:]
    dbd_ports = _free_ports(2)
    kept = WITH_ACCOUNTING.format(port=dbd_ports[0], folder=folder) if accounting else WITHOUT_ACCOUNTING
    (folder / "slurm.conf").write_text(conf.format(host=host, ports=ports, folder=folder, accounting=kept))
    cluster = Cluster(folder)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        munge = [f"--{file}-file={folder}/munge{file}" for file in ("pid", "log", "seed")]
        socket_file = f"--socket={folder}/munge.socket"
        munged = ["munged", "--foreground", f"--key-file={key}", socket_file, *munge]
        stack.callback(_stop, _start(cluster, munged))
        cluster.wait((folder / "munge.socket").exists, "munged")
        if accounting:
            _start_accounting(cluster, stack, host, dbd_ports)
        stack.callback(_stop, _start(cluster, ["slurmctld", "-D"]))
        stack.callback(lambda: [cluster.kill_node(name) for name in list(cluster.nodes)])
        for name in NODES:
            cluster.start_node(name)
        yield cluster


def _start_accounting(cluster: Cluster, stack: ExitStack, host: str, ports: list[int]) -> None:
    """slurmdbd and its database, with the cluster, ACCOUNT, and root as its user."""
    data, conf = cluster.folder / "database", cluster.folder / "slurmdbd.conf"
    conf.touch(mode=0o600)  # which slurmdbd wants
    conf.write_text(DBD_CONF.format(host=host, ports=ports, folder=cluster.folder))
    cluster.ask("mariadb-install-db", "--no-defaults", f"--datadir={data}", "--user=root", "--skip-test-db")
    listen = (f"--socket={cluster.folder}/database.socket", "--bind-address=127.0.0.1", f"--port={ports[1]}")
    small = ("--skip-grant-tables", "--innodb-buffer-pool-size=64M")
    stack.callback(
        _stop, _start(cluster, ["mariadbd", "--no-defaults", "--user=root", f"--datadir={data}", *listen, *small])
    )
    cluster.wait((cluster.folder / "database.socket").exists, "mariadbd")
    stack.callback(_stop, _start(cluster, ["slurmdbd", "-D"]))
    cluster.wait(lambda: _answers(ports[0]), "slurmdbd")
    for added in (("cluster", "test"), ("account", ACCOUNT), ("user", "root", f"Account={ACCOUNT}")):
        cluster.ask("sacctmgr", "--immediate", "add", *added)


def _start(cluster: Cluster, command: list[str]) -> subprocess.Popen[bytes]:
    with (cluster.folder / f"{command[0]}.out.log").open("ab") as out:
        return subprocess.Popen(
            command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env={**os.environ, **cluster.environment}
        )


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _job(line: str) -> Job:
    entries: dict[str, str] = dict(re.findall(r"(\S+?)=(\S*)", line))
    hours, minutes, seconds = (int(part) for part in entries["RunTime"].rpartition("-")[2].split(":"))
    rule = re.match(r"rule_(\w+?)(_wildcards_.*)?$", entries.get("Comment", ""))
    return Job(
        number=int(entries["JobId"]),
        rule=rule[1] if rule else "",
        state=entries["JobState"],
        node=entries["NodeList"].replace("(null)", ""),
        gpus=entries.get("TresPerJob", ""),
        restarts=int(entries["Restarts"]),
        limit=entries["TimeLimit"],
        memory=entries["MinMemoryNode"],
        seconds=3600 * hours + 60 * minutes + seconds,
        folder=entries["WorkDir"],
    )
