# SPDX-License-Identifier: Apache-2.0
"""What `cmake --install` gives to a program outside: it compiles, links and runs with nothing else.

Behind the arguments of every system test: CMAKE BUILD CC CXX.
"""

import glob
import os
import re
import shutil
import subprocess
import sys

import harness

CMAKE, BUILD, CC, CXX = sys.argv[6:10]
OPERATIONS = 100


def output(*command, **more):
    """Run a program that must succeed without a word of warning; return its standard output."""
    done = subprocess.run(command, text=True, capture_output=True, timeout=60, **more)
    assert done.returncode == 0 and not done.stderr, f"{command}:\n{done.stdout}{done.stderr}"
    return done.stdout


def words(*command, **more):
    return output(*command, **more).split()


def install(scratch):
    """Install, and move what was installed: nothing in it may know where it was."""
    output(CMAKE, "--install", BUILD, "--prefix", f"{scratch}/first")
    os.rename(f"{scratch}/first", f"{scratch}/there")
    found = glob.glob(f"{scratch}/there/**/pkgconfig", recursive=True)
    assert len(found) == 1, found
    return f"{scratch}/there", found[0]


def check_files(prefix, libraries):
    for name in ("bin/colonnade", "include/colonnade/client.h", "share/man/man1/colonnade.1",
                 "share/man/man3/colonnade-client.3", "share/colonnade/tuning/small.yaml",
                 "share/doc/colonnade/LICENSE", "share/doc/colonnade/examples/count.c"):
        assert os.path.isfile(f"{prefix}/{name}"), name
    for page in glob.glob(f"{prefix}/share/man/*/*"):
        assert output("mandoc", "-T", "lint", "-W", "warning", page) == ""
    assert sorted(os.listdir(libraries)) == [
        "libcolonnade-client.a", "libcolonnade-client.so", "libcolonnade-client.so.0",
        f"libcolonnade-client.so.{version()}", "pkgconfig"]


def version():
    return words("pkg-config", "--modversion", "colonnade-client")[0]


def check_symbols(prefix, libraries):
    """The functions of the header, those of the manual page, and nothing else."""
    with open(f"{prefix}/include/colonnade/client.h") as file:
        declared = re.findall(r"^[a-z][\w ]*[ *](col_client_\w+)\(", file.read(), re.MULTILINE)
    with open(f"{prefix}/share/man/man3/colonnade-client.3") as file:
        described = set(re.findall(r"^\.F[no] (col_client_\w+)", file.read(), re.MULTILINE))
    shared = words("nm", "--dynamic", "--defined-only", "--format=just-symbols",
                   f"{libraries}/libcolonnade-client.so")
    exported = [name.split("@@")[0] for name in shared if "@@" in name]
    assert len(exported) == len(shared) - 1, shared  # the other names the version
    static = words("nm", "--extern-only", "--defined-only", "--format=just-symbols",
                   f"{libraries}/libcolonnade-client.a")
    whole = [name for name in static if not name.endswith(".o:")]
    for names in (exported, whole, described):
        assert sorted(declared) == sorted(names), (declared, names)


def check_dependencies(libraries):
    dynamic = output("readelf", "--dynamic", f"{libraries}/libcolonnade-client.so")
    needed = set(re.findall(r"NEEDED.*\[(\w[\w-]*?)(?:-0)?\.so", dynamic))
    assert needed <= {"libc", "libcrypto", "libyaml", "libIPSec_MB"}, needed
    assert "[libcolonnade-client.so.0]" in dynamic


def build(scratch, example, libraries):
    """The example as C and as C++, against the shared library and the static one."""
    options = words("pkg-config", "--cflags", "--libs", "colonnade-client")
    strict = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    output(CC, example, *options, "-o", f"{scratch}/count")
    output(CC, *strict, "-std=c11", example, *options, "-o", f"{scratch}/count-c11")
    output(CXX, *strict, "-std=c++20", "-Wno-missing-field-initializers", "-x", "c++", example,
           *options, "-o", f"{scratch}/count-c++")
    static = [word if word != "-lcolonnade-client" else f"{libraries}/libcolonnade-client.a"
              for word in words("pkg-config", "--static", "--cflags", "--libs", "colonnade-client")]
    output(CC, example, *static, "-o", f"{scratch}/count-static")
    return ["count", "count-c11", "count-c++", "count-static"]


def count(scratch, program, cluster):
    """Count with the example inside the cluster's network."""
    lines = harness.run("cluster", "exec", cluster.path, "--", f"{scratch}/{program}", cluster.path,
                        OPERATIONS).splitlines()
    assert [line.split()[0] for line in lines] == [str(n + 1) for n in range(OPERATIONS)], lines


def fails(scratch, libraries):
    done = subprocess.run([f"{scratch}/count", f"{scratch}/nowhere", "1"], text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == 1 and "nowhere: No such file or directory: " in done.stderr, done


with harness.directory() as scratch:
    prefix, package = install(scratch)
    libraries = os.path.dirname(package)
    os.environ["PKG_CONFIG_PATH"] = package
    os.environ["LD_LIBRARY_PATH"] = libraries
    check_files(prefix, libraries)
    check_symbols(prefix, libraries)
    check_dependencies(libraries)
    shutil.copy(f"{prefix}/share/doc/colonnade/examples/count.c", f"{scratch}/count.c")
    programs = build(scratch, f"{scratch}/count.c", libraries)
    harness.PROGRAM = f"{prefix}/bin/colonnade"
    fails(scratch, libraries)
    with harness.cluster() as running:
        for program in programs:
            count(scratch, program, running)
