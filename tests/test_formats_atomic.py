"""Files that are replaced whole or not at all."""

import errno
import os
import stat
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import mlpcore
from mlpcore.formats._atomic import write_file
from support import assert_same_bits, run_python

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX's modes and links")


CAT = "import sys; sys.stdout.buffer.write(open(sys.argv[1], 'rb').read())"


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_chunks_of_every_kind(tmp_path):
    path = tmp_path / "file"
    array = np.arange(3.0)
    write_file(path, [b"", b"ab", array.data, memoryview(b"cd")])
    assert path.read_bytes() == b"ab" + array.tobytes() + b"cd"
    write_file(path, iter([]))
    assert path.read_bytes() == b""
    assert os.listdir(tmp_path) == ["file"]


def test_an_error_of_the_source_names_the_source(tmp_path):
    missing = tmp_path / "missing"

    def chunks():
        yield b"some"
        yield missing.read_bytes()

    with pytest.raises(FileNotFoundError) as error:
        write_file(tmp_path / "file", chunks())
    assert error.value.filename == str(missing)
    assert os.listdir(tmp_path) == []


@posix
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_mode_of_a_new_file_is_the_umasks(umask, tmp_path):
    before = os.umask(umask)
    try:
        write_file(tmp_path / "new", [b"x"])
        (tmp_path / "plain").write_bytes(b"x")
    finally:
        os.umask(before)
    assert mode(tmp_path / "new") == mode(tmp_path / "plain") == 0o666 & ~umask


@posix
@pytest.mark.parametrize("kept", [0o600, 0o640, 0o666, 0o755])
def test_mode_of_an_old_file_is_kept(kept, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(kept)
    write_file(path, [b"new"])
    assert mode(path) == kept
    assert path.read_bytes() == b"new"


@posix
def test_the_temporary_file_is_never_more_readable(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o600)
    seen = []

    def chunks():
        seen.extend(mode(each) for each in tmp_path.glob(".mlpcore-*.tmp"))
        yield b"new"

    write_file(path, chunks())
    assert seen == [0o600]


@posix
@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="needs root")
def test_owner_is_kept(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    os.chown(path, 1234, 4321)
    write_file(path, [b"new"])
    status = os.stat(path)
    assert (status.st_uid, status.st_gid) == (1234, 4321)


@posix
@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_and_its_target_is_replaced(exists, tmp_path):
    (tmp_path / "models").mkdir()
    target = tmp_path / "models" / "v1"
    if exists:
        target.write_bytes(b"old")
    (tmp_path / "second").symlink_to("models/v1")
    (tmp_path / "latest").symlink_to("second")
    write_file(tmp_path / "latest", [b"new"])
    assert (tmp_path / "latest").is_symlink()
    assert (tmp_path / "second").is_symlink()
    assert not target.is_symlink()
    assert target.read_bytes() == b"new"
    assert os.listdir(tmp_path / "models") == ["v1"]


@posix
def test_links_in_a_circle(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        write_file(tmp_path / "a", [b"x"])
    assert (tmp_path / "a").is_symlink()


def test_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_file("plain", [b"x"])
    assert os.listdir(tmp_path) == ["plain"]


@pytest.mark.parametrize("name", ["a" * 255, "ü" * 127, " ", "-rf", "{epoch}"])
def test_odd_names(name, tmp_path):
    write_file(tmp_path / name, [b"x"])
    assert (tmp_path / name).read_bytes() == b"x"


@posix
def test_no_regular_file_is_written_to_and_not_replaced(tmp_path):
    before = os.stat(os.devnull)
    write_file(os.devnull, [b"x"])
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    assert os.stat(os.devnull).st_ino == before.st_ino
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    data = os.urandom(200_000)  # more than a pipe holds
    with open(tmp_path / "copy", "wb") as copy:
        reader = subprocess.Popen([sys.executable, "-c", CAT, fifo], stdout=copy)
        write_file(fifo, [data])
        assert reader.wait(timeout=60) == 0
    assert (tmp_path / "copy").read_bytes() == data


def test_errors_name_the_callers_path(tmp_path):
    path = tmp_path / "missing" / "file"
    with pytest.raises(FileNotFoundError) as error:
        write_file(path, [b"x"])
    assert error.value.filename == str(path)
    assert str(error.value).endswith(f": '{path}'")
    with pytest.raises(IsADirectoryError) as error:
        write_file(os.fsencode(tmp_path), [b"x"])
    assert error.value.filename == str(tmp_path)
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(NotADirectoryError):
        write_file(tmp_path / "file" / "file", [b"x"])


@pytest.mark.parametrize("kind", [KeyboardInterrupt, OSError, MemoryError])
def test_what_fails_half_way_leaves_the_old_file_and_no_other(kind, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def chunks():
        yield b"new"
        raise kind

    with pytest.raises(kind):
        write_file(path, chunks())
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


@posix
def test_no_permission_to_an_old_file(tmp_path):
    """As a user who is not root; root may do everything."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o444)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o777)
    script = textwrap.dedent(
        """
        import os, sys
        from mlpcore.formats._atomic import write_file

        if os.geteuid() == 0:
            os.setuid(65534)
        try:
            write_file(sys.argv[1], [b"new"])
        except PermissionError as error:
            print(error.filename)
        """
    )
    assert run_python(script, path, env=environment()).stdout == f"{path}\n"
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


@posix
def test_a_full_disk(tmp_path):
    """A limit for files is an error of the file system's like a full disk."""
    path = tmp_path / "net"
    mlpcore.Network([2, 2], rng=0).save(path)
    before = path.read_bytes()
    script = textwrap.dedent(
        """
        import resource, sys
        import mlpcore

        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        try:
            mlpcore.Network([100, 1000]).save(sys.argv[1])
        except OSError as error:
            print(error.filename)
        """
    )
    assert run_python(script, path, env=environment()).stdout == f"{path}\n"
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["net"]


def environment():
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


KILLS = """
import os, pathlib, random, signal, sys, time
import mlpcore

path, n_kills = pathlib.Path(sys.argv[1]), int(sys.argv[2])
nets = [mlpcore.Network([100, 60, 3], rng=seed) for seed in (1, 2)]
whole = []
for net in nets:
    net.save(path)
    whole.append(path.read_bytes())
wanted = {data: net.get_parameters().tobytes() for data, net in zip(whole, nets)}
rng = random.Random(0)
found, n_left = [], 0
for _ in range(n_kills):
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, b"!")
        while True:
            for net in nets:
                net.save(path)
    os.read(reading, 1)
    time.sleep(rng.uniform(0, 0.02))
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    os.close(reading), os.close(writing)
    data = path.read_bytes()
    assert data in wanted, f"{len(data)} bytes"
    assert mlpcore.load(path).get_parameters().tobytes() == wanted[data]
    found.append(whole.index(data))
    for name in os.listdir(path.parent):
        if name != path.name:
            assert name.startswith(".mlpcore-") and name.endswith(".tmp"), name
            os.unlink(path.parent / name)
            n_left += 1
print(found.count(0), found.count(1), n_left)
"""


@posix
def test_a_killed_process_leaves_the_old_or_the_new_file(tmp_path):
    """200 kills at random moments, of children that do nothing but save."""
    script = [KILLS, tmp_path / "net", "200"]
    first, second, n_left = map(
        int, run_python(*script, env=environment()).stdout.split()
    )
    assert first + second == 200
    # Otherwise the kills were hardly ever in the middle of a save, and this tests
    # nothing; a temporary file is there during most of it.
    assert n_left >= 50
    assert min(first, second) >= 20


@posix
def test_data_folder_and_name_in_this_order(tmp_path, monkeypatch):
    """The data are on the disk before the name is, and then the name."""
    calls = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor):
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        calls.append("folder" if is_folder else os.fstat(descriptor).st_size)
        real_fsync(descriptor)

    def replace(source, target):
        assert os.path.dirname(source) == os.path.dirname(target)
        calls.append("replace")
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    write_file(tmp_path / "file", [b"abc"])
    assert calls == [3, "replace", "folder"]


def test_threads_that_save_to_one_name(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    path = tmp_path / "net"
    nets = [mlpcore.Network([20, 30, 3], rng=seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(net.save, path) for net in nets * 10]:
            done.result()
    found = mlpcore.load(path).get_parameters()
    twin = next(n for n in nets if n.get_parameters().tobytes() == found.tobytes())
    assert_same_bits(found, twin.get_parameters())
    assert os.listdir(tmp_path) == ["net"]
