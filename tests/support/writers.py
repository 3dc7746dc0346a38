"""Applications that write to several disks at once, and judges of what copies of the disks hold.

The programs run inside a guest, each alone; the judges look at restored copies, mounted somewhere.
A judge returns why the copies do not belong together, None where they do.
"""

import hashlib
import shutil
import sqlite3
from pathlib import Path
from typing import Final

ACCOUNTS, MONEY = 200, 1000

# One number, put on the log disk and flushed, then on the data disk and flushed.
PAIR: Final = """
import itertools, os
log, data = (os.open(path, os.O_CREAT | os.O_WRONLY) for path in ("/log/number", "/data/number"))
for number in itertools.count(1):
    for file in (log, data):
        os.pwrite(file, b"%020d" % number, 0)
        os.fsync(file)
"""

# Transfers between accounts, in a database whose write-ahead log lies on another disk (by a bind mount:
# SQLite follows no link there).
BANK: Final = """
import random, sqlite3, subprocess
for place in ("/log/bank.db-wal", "/data/bank.db-wal"):
    open(place, "w").close()
subprocess.run(["mount", "--bind", "/log/bank.db-wal", "/data/bank.db-wal"], check=True)
bank = sqlite3.connect("/data/bank.db", isolation_level=None)
bank.execute("pragma journal_mode = wal")
bank.execute("pragma synchronous = full")
bank.execute("pragma wal_autocheckpoint = 20")
bank.execute("create table account (id integer primary key, money integer, note text)")
bank.executemany("insert into account values (?, 1000, ?)", [(n, "x" * 400) for n in range(200)])
chance = random.Random(1)
while True:
    giver, taker = chance.sample(range(200), 2)
    bank.execute("begin immediate")
    bank.execute("update account set money = money - 1, note = ? where id = ?", (chance.random().hex() * 20, giver))
    bank.execute("update account set money = money + 1 where id = ?", (taker,))
    bank.execute("commit")
"""

# Files named after what is in them, on one file system over all disks; not more in a second than the
# copies of a long test have room for: btrfs writes nothing in place, so no copy shares its blocks for long.
FILES: Final = """
import hashlib, itertools, os, random, time
chance = random.Random(1)
for number in itertools.count():
    content = chance.randbytes(chance.choice((3000, 70_000, 400_000)))
    name = hashlib.sha256(content).hexdigest()
    with open("/srv/part", "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.rename("/srv/part", "/srv/" + name)
    time.sleep(0.02)
    old = sorted(os.listdir("/srv"), key=lambda each: os.stat("/srv/" + each).st_mtime_ns)
    for each in old[:-40]:
        os.unlink("/srv/" + each)
"""


def judge_pair(log: Path, data: Path) -> str | None:
    """The number on the log disk is that of the data disk, or the next one."""
    logged, stored = (int((place / "number").read_text()) for place in (log, data))
    if stored <= logged <= stored + 1:
        return None
    return f"the log is at {logged}, the data at {stored}"


def judge_bank(log: Path, data: Path, scratch: Path) -> str | None:
    """The database opens with its log, is sound, and no money was made or lost."""
    scratch.mkdir()
    shutil.copy(data / "bank.db", scratch / "bank.db")
    shutil.copy(log / "bank.db-wal", scratch / "bank.db-wal")
    try:
        with sqlite3.connect(scratch / "bank.db") as bank:
            (sound,) = bank.execute("pragma integrity_check").fetchone()
            count, money = bank.execute("select count(*), sum(money) from account").fetchone()
        bank.close()
    except sqlite3.DatabaseError as error:
        return str(error)
    if sound != "ok":
        return str(sound)
    if (count, money) == (ACCOUNTS, ACCOUNTS * MONEY):
        return None
    return f"{count} accounts hold {money}"


def judge_files(place: Path) -> str | None:
    """Every file can be read and holds what its name says."""
    try:
        for file in place.iterdir():
            if file.name != "part" and hashlib.sha256(file.read_bytes()).hexdigest() != file.name:
                return f"{file.name} holds something else"
    except OSError as error:
        return str(error)
    return None
